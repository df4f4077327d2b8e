"""The seed's test: users who ask for the same sentence again and again, each as soon as the last answer has come.

With PACE=N in the environment every user asks N times a second instead, which keeps the client itself from being the
bottleneck.
"""

import os

from locust import FastHttpUser, constant_throughput, task

pace = float(os.environ.get("PACE", "0"))


class Caller(FastHttpUser):
    if pace > 0:
        wait_time = constant_throughput(pace)

    @task
    def classify(self):
        self.client.get("/api/intent?sentence=je+cherche+un+h%C3%B4tel+%C3%A0+Lyon+pour+ce+week-end", name="intent")
