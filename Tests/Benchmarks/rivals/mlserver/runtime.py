"""scikit-learn behind MLServer: strings in, probabilities out. MODEL names the pickled model."""

import os
import pickle

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Intent(MLModel):
    async def load(self) -> bool:
        with open(os.environ["MODEL"], "rb") as file:
            self.classifier = pickle.load(file)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        probabilities = self.classifier.predict_proba(texts)
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("probabilities", probabilities)]
        )
