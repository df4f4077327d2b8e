"""The exercise's API as most people would write it: FastAPI and scikit-learn. MODEL names the pickled model.

MODEL=… uvicorn api:app
"""

import os
import pickle

from fastapi import FastAPI

with open(os.environ["MODEL"], "rb") as file:
    model = pickle.load(file)
labels = model.classes_.tolist()
app = FastAPI()


@app.get("/api/intent")
def intent(sentence: str) -> dict[str, float]:
    return dict(zip(labels, model.predict_proba([sentence])[0].tolist()))
