"""A service with an encoder as most people would write it: FastAPI, one sentence a request. ENCODER names its folder.

ENCODER=… uvicorn api:app
"""

from fastapi import FastAPI
from head import CLASSES, probabilities

labels = [f"class-{number}" for number in range(CLASSES)]
app = FastAPI()


@app.get("/api/intent")
def intent(sentence: str) -> dict[str, float]:
    return dict(zip(labels, probabilities([sentence])[0].tolist()))
