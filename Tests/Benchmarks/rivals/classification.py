"""scikit-learn alone, no queue: classifies the lines of a file.

    classification.py MODEL SENTENCES BATCH

Prints one line of JSON: sentences per second of CPU time, after a warm-up.
"""

import json
import pickle
import sys
import time

model_path, sentences_path, batch_size = sys.argv[1:]
batch_size = int(batch_size)
with open(model_path, "rb") as file:
    model = pickle.load(file)
with open(sentences_path, encoding="utf-8") as file:
    sentences = file.read().splitlines()

model.predict_proba(sentences[:batch_size])
start = time.process_time()
for first in range(0, len(sentences), batch_size):
    model.predict_proba(sentences[first : first + batch_size])
print(json.dumps({"sentences_per_second": len(sentences) / (time.process_time() - start)}))
