"""Models with a neural encoder: folders that others bring, training, what is refused, and what a worker makes of them."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIAGE = ROOT / ".build/release/triage"
PYTHON = ROOT / ".deps/tools/encoder/bin/python"
ONNX_PYTHON = ROOT / ".deps/tools/contract/bin/python"
HERE = pathlib.Path(__file__).resolve().parent
STARTER = ROOT / "compose/starter/sentences.fr.tsv"
# What one's neighbours in a batch may change, in single precision; six decimals are printed.
BOUND = 0.0001


def triage(*arguments, text=None, check=True, environment=None, program=TRIAGE):
    done = subprocess.run(
        [program, *map(str, arguments)], input=text, text=True, capture_output=True, env=environment, timeout=120)
    if check and done.returncode:
        raise AssertionError(f"triage {' '.join(map(str, arguments))}: {done.returncode}: {done.stderr}")
    return done


def flip(path):
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def starter_sentences(count):
    lines = STARTER.read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t", 1)[1] for line in lines[::max(1, len(lines) // count)]][:count]


class EncoderTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-encoder-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        subprocess.run([PYTHON, HERE / "tiny_encoder.py", cls.folder / "tiny"], check=True, capture_output=True)
        subprocess.run([ONNX_PYTHON, HERE / "tiny_onnx.py", cls.folder / "tiny"], check=True, capture_output=True)
        cls.tiny = cls.folder / "tiny"
        cls.data = cls.folder / "data.tsv"
        lines = STARTER.read_text(encoding="utf-8").splitlines()
        cls.data.write_text("\n".join([lines[0], *lines[1::6]]) + "\n", encoding="utf-8")

    def train(self, encoder, *arguments):
        output = self.folder / f"{self.id()}-{len(list(self.folder.iterdir()))}"
        done = triage("train", "--data", self.data, "--output", output, "--name", "m", "--encoder", encoder, *arguments)
        return output, done.stdout

    def probabilities(self, model, sentences):
        lines = triage("classify", "--model", model, text="\n".join(sentences) + "\n").stdout.splitlines()
        return [json.loads(line) for line in lines]

    def assert_agrees(self, model, sentences, bound):
        replies = self.probabilities(model, sentences)
        arguments = [PYTHON, HERE / "reference_encoder.py", model]
        if (model / "linear.model").exists():
            linear = self.folder / "linear.ndjson"
            text = triage("classify", "--model", model / "linear.model", text="\n".join(sentences) + "\n").stdout
            linear.write_text(text)
            arguments.append(linear)
        done = subprocess.run(
            arguments, input="\n".join(sentences) + "\n", check=True, text=True, stdout=subprocess.PIPE, timeout=300)
        expected = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(replies), len(expected))
        for sentence, reply, row in zip(sentences, replies, expected):
            for found, right in zip(reply["probabilities"].values(), row):
                self.assertLess(abs(found - right), bound, sentence)
        return replies

    def refused(self, model, *words, code=65, command=("classify",)):
        done = triage(*command, "--model", model, "bonjour", check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def changed(self, source, change):
        copy = self.folder / f"changed-{len(list(self.folder.iterdir()))}"
        shutil.copytree(source, copy)
        change(copy)
        return copy

    def test_a_finished_classifier(self):
        sentences = [
            "un train", "bonjour", "Un Train pour Brest, 8 h ?", "zzz", "\U0001f642", "a" * 8_000, "deux  blancs", "é",
            "long mot " * 100]
        replies = self.assert_agrees(self.tiny / "classifier", sentences, BOUND)
        self.assertEqual({reply["stage"] for reply in replies}, {"encoder"})
        self.assertRegex(replies[0]["model"], r"^tiny-intents@[0-9a-f]{12}$")
        self.assertEqual(list(replies[0]["probabilities"]), ["travel", "stay", "other"])
        card = json.loads(triage("describe", "--model", self.tiny / "classifier", "--json").stdout)
        self.assertEqual(card["kind"], "classifier")
        self.assertEqual(card["encoder"]["precision"], "f32")
        self.assertEqual(card["encoder"]["maximumTokens"], 128)
        self.assertEqual(card["encoder"]["neighbourBound"], BOUND)

    def test_a_classifier_in_onnx(self):
        sentences = ["un train", "Un Train pour Brest, 8 h ?", "zzz", "long mot " * 100]
        expected = self.probabilities(self.tiny / "classifier", sentences)
        for name in ("onnx", "onnx-beside"):
            replies = self.probabilities(self.tiny / name, sentences)
            for reply, right in zip(replies, expected, strict=True):
                self.assertEqual(reply["label"], right["label"])
                for label, probability in right["probabilities"].items():
                    self.assertAlmostEqual(reply["probabilities"][label], probability, delta=BOUND)
            card = json.loads(triage("describe", "--model", self.tiny / name, "--json").stdout)
            self.assertEqual(card["encoder"]["precision"], "as in model.onnx")
        # What is beside the network belongs to the model.
        versions = [self.probabilities(self.tiny / name, ["a"])[0]["model"] for name in ("onnx", "onnx-beside")]
        changed = self.changed(self.tiny / "onnx-beside", lambda folder: flip(folder / "model.onnx_data"))
        self.assertEqual(len({*versions, self.probabilities(changed, ["a"])[0]["model"]}), 3)

    def test_a_sentence_is_cut(self):
        """By --max-tokens, and not at its end token: the rest of a long sentence changes nothing."""
        long = "un train " * 10 + "hotel " * 50
        for name, around in (("classifier", 2), ("ending", 1)):
            # "un" has three tokens, and "train" one: so many words, and those around the sentence.
            short, tokens = "un train " * 10, 10 * 4 + around
            for options, equal in ((["--max-tokens", str(tokens)], True), ([], False)):
                lines = triage("classify", "--model", self.tiny / name, *options, short, long).stdout.splitlines()
                first, second = (json.loads(line)["probabilities"] for line in lines)
                self.assertEqual(first == second, equal, name)

    def test_odd_sentences(self):
        """NUL, bytes that are no UTF-8, no letters at all: each gets a distribution, its neighbours theirs."""
        model, _ = self.train(self.tiny / "encoder", "--cascade", "always")
        plain = self.probabilities(model, ["un train"])[0]
        text = b'{"text":"un\\u0000train"}\n{"text":"\\ud83d\\ude42"}\n{"text":"???"}\n{"text":"un train"}\n'
        samples = self.folder / "odd.ndjson"
        samples.write_bytes(text)
        done = triage("worker", "--model", model, "--check", samples)
        self.assertIn('"stage":"encoder"', done.stdout)
        last = [json.loads(line[line.index("{"):]) for line in done.stdout.splitlines() if '"label"' in line][-1]
        self.assertEqual(last["probabilities"], plain["probabilities"])
        raw = subprocess.run([TRIAGE, "classify", "--model", model], input=b"\xff\xfe abc\nun train\n", capture_output=True)
        self.assertEqual(raw.returncode, 0)
        self.assertIn(b"invalid_utf8", raw.stdout.splitlines()[0])

    def test_training(self):
        output, told = self.train(self.tiny / "encoder", "--target-precision", "0.9")
        again, _ = self.train(self.tiny / "encoder", "--target-precision", "0.9")
        for name in ("model.json", "linear.model", "head.bin"):
            self.assertEqual((output / name).read_bytes(), (again / name).read_bytes(), name)
        self.assertEqual((output / "encoder").resolve(), (self.tiny / "encoder").resolve())
        self.assertRegex(told, r"cascade: tiny is (asked below 0\.\d+, for [\d.]+% of the sentences; its weight is [\d.]+|never asked)")
        self.assertNotIn(str(self.folder), (output / "model.json").read_text())
        card = json.loads(triage("describe", "--model", output, "--json").stdout)
        self.assertEqual(card["kind"], "cascade")
        self.assertEqual(card["encoder"]["license"], "CC0-1.0")
        self.assertGreater(card["sentencesPerSecond"], 100)
        self.assertIn("decision", card["cascade"])
        self.assert_agrees(output, starter_sentences(60), BOUND)
        done = triage("evaluate", "--model", output, "--data", self.data, "--json")
        self.assertIn("trained on these", done.stderr)
        folds = json.loads(triage("evaluate", "--model", output, "--data", self.data, "--folds", "3", "--json").stdout)
        self.assertEqual(folds["sentences"], len(self.data.read_text().splitlines()) - 1)

    def test_an_encoder_of_tokens(self):
        """As Hugging Face's models are exported: an embedding of each token, and token_type_ids."""
        model, _ = self.train(self.tiny / "tokens", "--cascade", "always")
        replies = self.probabilities(model, starter_sentences(20))
        self.assertEqual({reply["stage"] for reply in replies}, {"encoder"})
        alone = self.probabilities(model, [starter_sentences(20)[7]])[0]
        for label, probability in alone["probabilities"].items():
            self.assertLess(abs(probability - replies[7]["probabilities"][label]), BOUND)

    def test_a_tokenizer_that_is_converted_as_the_guide_says(self):
        model = self.changed(self.tiny / "classifier", lambda folder: (folder / "openvino_tokenizer.xml").unlink())
        subprocess.run(
            [PYTHON.parent / "convert_tokenizer", self.tiny / "tokenizer", "--output", model], check=True,
            capture_output=True)
        sentences = ["un train", "Un hôtel à 8 h ?", "a" * 3_000]
        found = self.probabilities(model, sentences)
        for reply, right in zip(found, self.probabilities(self.tiny / "classifier", sentences), strict=True):
            self.assertEqual(reply["probabilities"], right["probabilities"])

    def test_cascade_flags(self):
        for flag, stages in (("off", {"linear"}), ("always", {"encoder"}), ("0.99", {"linear", "encoder"})):
            model, _ = self.train(self.tiny / "encoder", "--cascade", flag)
            self.assertEqual({reply["stage"] for reply in self.probabilities(model, starter_sentences(80))}, stages, flag)
        for wrong in (["evaluate", "--cascade", "always"], ["train", "--max-tokens", "64", "--output", "x"]):
            done = triage(wrong[0], "--data", self.data, *wrong[1:], check=False)
            self.assertEqual(done.returncode, 64, wrong)
        for wrong in (["--cascade", "1.5"], ["--cascade", "sometimes"], ["--encoder-threads", "0"], ["--folds", "0"]):
            done = triage(
                "train", "--data", self.data, "--output", self.folder / "no", "--encoder", self.tiny / "encoder", *wrong,
                check=False)
            self.assertEqual(done.returncode, 64, wrong)
            self.assertFalse((self.folder / "no").exists())

    def test_a_model_takes_its_encoder_along(self):
        model, _ = self.train(self.tiny / "encoder", "--embed", "--cascade", "always")
        self.assertFalse((model / "encoder").is_symlink())
        moved = self.folder / "moved"
        model.rename(moved)
        self.assertEqual(self.probabilities(moved, ["un train"])[0]["stage"], "encoder")

    def test_training_again(self):
        """However the folder is spelt, its encoder stays; so does what somebody has put there."""
        model, _ = self.train(self.tiny / "encoder", "--embed")
        (model / "notes.txt").write_text("mine")
        link = self.folder / "link"
        link.symlink_to(model)
        for output in (f"{model}/", model.parent / "tiny/.." / model.name, link):
            triage("train", "--data", self.data, "--output", output, "--name", "m", "--encoder", model / "encoder")
            self.assertFalse((model / "encoder").is_symlink(), output)
            self.assertEqual((model / "notes.txt").read_text(), "mine")
            self.probabilities(model, ["un train"])
        self.assertTrue(link.is_symlink())
        left = [path.name for path in self.folder.iterdir() if path.name.endswith((".new", ".old"))]
        self.assertEqual(left, [])
        other, _ = self.train(self.tiny / "tokens")
        triage("train", "--data", self.data, "--output", other, "--name", "m", "--encoder", self.tiny / "encoder")
        self.assertEqual((other / "encoder").resolve(), (self.tiny / "encoder").resolve())
        done = triage("train", "--data", self.data, "--output", model, "--folds", "2", check=False)
        self.assertEqual(done.returncode, 65)
        self.assertIn("is a folder, and a linear model is a file", done.stderr)

    def test_a_failed_training_leaves_the_model_alone(self):
        model, _ = self.train(self.tiny / "encoder")
        before = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
        done = triage(
            "train", "--data", self.data, "--output", model, "--encoder", self.tiny / "nan", "--cascade", "always",
            check=False)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("numbers that are none", done.stderr)
        self.assertEqual(before, {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()})

    def test_short_sentences(self):
        """A sentence of one token is one, also behind a prefix."""
        model, _ = self.train(self.tiny / "encoder", "--cascade", "always")
        replies = self.probabilities(model, ["train", "hotel", "a"])
        self.assertEqual([reply["stage"] for reply in replies], ["encoder"] * 3)
        self.assertNotEqual(replies[0]["probabilities"], replies[1]["probabilities"])

    def test_what_is_there_is_not_written_over(self):
        for kind in ("file", "folder"):
            output = self.folder / f"there-{kind}"
            if kind == "file":
                output.write_text("mine")
            else:
                output.mkdir()
                (output / "mine").write_text("mine")
            done = triage(
                "train", "--data", self.data, "--output", output, "--encoder", self.tiny / "encoder", check=False)
            self.assertEqual(done.returncode, 65)
            self.assertIn("give another --output", done.stderr)

    def test_what_is_refused(self):
        classifier, (cascade, _) = self.tiny / "classifier", self.train(self.tiny / "encoder")

        def without(name):
            return lambda folder: (folder / name).unlink()

        def cut(name):
            def change(folder):
                data = (folder / name).read_bytes()
                (folder / name).write_bytes(data[:len(data) // 2])
            return change

        def write(name, text):
            return lambda folder: (folder / name).write_text(text)

        def replaced(name, old, new):
            return lambda folder: (folder / name).write_text((folder / name).read_text().replace(old, new))

        self.refused(self.changed(classifier, without("openvino_tokenizer.xml")), "convert_tokenizer", code=66)
        self.refused(self.changed(classifier, without("openvino_model.xml")), "optimum-cli", code=66)
        self.refused(self.changed(classifier, without("openvino_model.bin")), "openvino_model.bin", code=66)
        self.refused(self.changed(classifier, cut("openvino_model.xml")), "openvino_model.xml", "damaged")
        self.refused(self.changed(classifier, cut("openvino_model.bin")), "openvino_model")
        self.refused(self.changed(self.tiny / "onnx", write("model.onnx", "no graph at all")), "model.onnx", "damaged")
        self.refused(self.changed(self.tiny / "onnx-beside", without("model.onnx_data")), "model.onnx")
        names = json.dumps({"id2label": {"0": "a", "1": "b"}})
        self.refused(self.changed(classifier, write("config.json", names)), "2 classes", "3 scores")
        self.refused(self.changed(classifier, write("config.json", "{")), "config.json", "no JSON")
        names = json.dumps({"id2label": {"0": "a", "1": "b", "2": "c\nd"}})
        self.refused(self.changed(classifier, write("config.json", names)), "on one line")
        names = json.dumps({"_name_or_path": 'a\nb@"c', "id2label": {"0": "a", "1": "b", "2": "c"}})
        named = self.probabilities(self.changed(classifier, write("config.json", names)), ["un train"])[0]
        self.assertRegex(named["model"], r"^a-b--c@[0-9a-f]{12}$")
        self.refused(
            self.changed(classifier, replaced("openvino_model.xml", "attention_mask", "other_mask")),
            "input_ids and attention_mask", "other_mask")
        # An encoder in place of a tokenizer, and the other way round.
        swap = self.changed(classifier, lambda folder: shutil.copy(
            folder / "openvino_model.xml", folder / "openvino_tokenizer.xml"))
        shutil.copy(swap / "openvino_model.bin", swap / "openvino_tokenizer.bin")
        self.refused(swap, "is no tokenizer")
        for name in ("head.bin", "linear.model"):
            self.refused(self.changed(cascade, cut(name)), name, "damaged")
            self.refused(self.changed(cascade, without(name)), name, code=66)
        self.refused(self.changed(cascade, replaced("model.json", '"format" : 1', '"format" : 9')), "format 9")
        for field, value in (("dimensions", 1 << 62), ("maximumTokens", 10**15), ("maximumTokens", 0), ("format", -1)):
            text = (cascade / "model.json").read_text()
            wrong = re.sub(rf'"{field}" : \d+', f'"{field}" : {value}', text)
            self.refused(self.changed(cascade, write("model.json", wrong)), "model.json")
        self.refused(self.tiny / "fixed", "dynamic shapes")
        # Sentences that both models are sure of, and contradict each other: still probabilities.
        sure = self.changed(cascade, replaced("model.json", '"askBelow"', '"askBelow" : 1.5, "other"'))
        text = re.sub(r'"(temperature|headTemperature)" : [\d.]+', r'"\1" : 0.2', (sure / "model.json").read_text())
        (sure / "model.json").write_text(text)
        self.probabilities(sure, starter_sentences(100))
        self.refused(self.changed(cascade, replaced("model.json", '"cascade"', '"other"')), "kind other")

        def lost(folder):
            shutil.rmtree(folder / "encoder")

        self.refused(self.changed(cascade, lost), "needs the encoder tiny", "--embed", code=66)

        def other(folder):
            lost(folder)
            (folder / "encoder").symlink_to(self.tiny / "tokens")

        self.refused(self.changed(cascade, other), "is not the encoder that the model was trained with")
        self.refused(
            self.changed(cascade, lambda folder: cut("openvino_model.bin")(folder / "encoder")),
            "is not the encoder that the model was trained with")
        self.refused(self.tiny / "encoder", "is a folder without model.json")
        self.refused(self.folder / "nowhere", "no such file", code=66)

    def test_without_the_library(self):
        """One line says what to do; a linear model needs none of it."""
        program = self.folder / "bin/triage"
        program.parent.mkdir()
        shutil.copy2(TRIAGE, program)
        environment = os.environ | {"LD_LIBRARY_PATH": str(ROOT / ".deps/lib")}
        done = triage(
            "classify", "--model", self.tiny / "classifier", "x", check=False, environment=environment, program=program)
        self.assertEqual(done.returncode, 66, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("make encoder", done.stderr)
        linear = self.folder / "linear.model"
        triage("train", "--data", self.data, "--output", linear, "--folds", "2")
        triage("classify", "--model", linear, "x", environment=environment, program=program)
        # Another release of one of the two libraries: it does not fit the other.
        broken = self.folder / "lib/openvino"
        shutil.copytree(ROOT / ".deps/openvino", broken)
        (broken / "libopenvino_tokenizers.so").write_bytes(b"no library")
        done = triage(
            "classify", "--model", self.tiny / "classifier", "x", check=False, environment=environment, program=program)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("do not fit each other", done.stderr)
        linked = subprocess.run(["ldd", TRIAGE], check=True, text=True, stdout=subprocess.PIPE).stdout
        self.assertNotIn("openvino", linked)

    def test_universal_sentence_encoder(self):
        """The encoder that set-up makes, in Triage and in Python."""
        model = self.folder / "use"
        triage("train", "--data", self.data, "--output", model, "--encoder", ROOT / ".deps/encoders/use", "--cascade", "always")
        # Of those without words the linear model knows nothing, and the encoder alone says what they are.
        sentences = [sentence for sentence in starter_sentences(150) if any(map(str.isalpha, sentence))]
        self.assert_agrees(model, [*sentences, "CHERCHE UN TRAIN", "un mot " * 30], BOUND)


class QueueTests(unittest.TestCase):
    """A worker with a cascade: both stages in replies and metrics, another kind of model at SIGHUP."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="triage-encoder-queue-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        broker = [ROOT / "compose/local/broker"]
        cls.kafka = subprocess.run(
            [*broker, "start", "--kind", "noida", "--port", "0"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
        cls.addClassCleanup(subprocess.run, [*broker, "stop", "--port", cls.kafka.rpartition(":")[2]])
        cls.model = cls.folder / "model"
        triage(
            "train", "--data", STARTER, "--output", cls.folder / "cascade", "--encoder", ROOT / ".deps/encoders/use",
            "--cascade", "0.998", "--folds", "2", "--name", "m")
        # One that stays as it is.
        shutil.copytree(cls.folder / "cascade", cls.folder / "first", symlinks=True)
        triage("train", "--data", STARTER, "--output", cls.folder / "linear.model", "--folds", "2", "--name", "m")
        triage("topics", "create", "--bootstrap-servers", cls.kafka, "--partitions", "2", "--replication-factor", "1")

    def point(self, target):
        new = self.folder / "new"
        new.symlink_to(target)
        new.rename(self.model)

    def metrics(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            return response.read().decode()

    def total(self, port, name):
        lines = [line for line in self.metrics(port).splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def pipe(self, sentences):
        done = triage("pipe", "--bootstrap-servers", self.kafka, text="\n".join(sentences) + "\n")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_stages_and_kinds(self):
        self.point(self.folder / "cascade")
        log = self.folder / "worker.log"
        with log.open("w") as errors:
            worker = subprocess.Popen(
                [TRIAGE, "worker", "--model", self.model, "--bootstrap-servers", self.kafka, "--admin-port", "0",
                 "--model-check-interval", "100ms"], stderr=errors)
        self.addCleanup(worker.kill)
        self.wait(lambda: "the worker is ready" in log.read_text(), log)
        port = re.search(r"(?:127\.0\.0\.1:|port=)(\d+)", log.read_text().split("admin", 1)[1])[1]
        sentences = starter_sentences(400)
        replies = self.pipe(sentences)
        expected = [json.loads(line) for line in triage(
            "classify", "--model", self.model, text="\n".join(sentences) + "\n").stdout.splitlines()]
        for reply, right in zip(replies, expected):
            self.assertEqual((reply["label"], reply["stage"]), (right["label"], right["stage"]))
        by_encoder = sum(reply["stage"] == "encoder" for reply in replies)
        self.assertGreater(by_encoder, 20)
        self.assertLess(by_encoder, 380)
        self.assertEqual(self.total(port, "triage_worker_encoder_sentences_total"), by_encoder)
        self.assertGreater(self.total(port, "triage_worker_encoder_seconds_sum"), 0)
        with self.gateway() as url:
            for sentence, reply in zip(sentences[:20], replies, strict=False):
                body = json.dumps({"text": sentence}).encode()
                request = urllib.request.Request(f"{url}/v1/classify", body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=10) as response:
                    self.assertEqual(json.load(response)["stage"], reply["stage"])
        # A damaged model changes nothing; another kind is taken.
        damaged = self.folder / "damaged"
        shutil.copytree(self.folder / "cascade", damaged, symlinks=True)
        (damaged / "head.bin").write_bytes(b"")
        self.point(damaged)
        self.wait(lambda: "the new model cannot be loaded" in log.read_text(), log)
        self.assertEqual(self.pipe(["un train"])[0]["model"], replies[0]["model"])
        self.point(self.folder / "linear.model")
        self.wait(lambda: "the model was exchanged" in log.read_text(), log)
        self.assertNotIn("stage", self.pipe(["un train"])[0])
        # A folder is watched like a file: what is written into it is noticed.
        self.point(self.folder / "cascade")
        self.wait(lambda: log.read_text().count("the model was exchanged") == 2, log)
        triage(
            "train", "--data", STARTER, "--output", self.folder / "cascade", "--encoder", ROOT / ".deps/encoders/use",
            "--cascade", "always", "--folds", "2", "--name", "m")
        self.wait(lambda: log.read_text().count("the model was exchanged") == 3, log)
        self.assertEqual({reply["stage"] for reply in self.pipe(sentences[:50])}, {"encoder"})
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(timeout=20), 0)

    def test_a_library_that_comes_later(self):
        """After a first try without it."""
        program = self.folder / "bin/triage"
        program.parent.mkdir()
        shutil.copy2(TRIAGE, program)
        self.point(self.folder / "linear.model")
        log = self.folder / "later.log"
        with log.open("w") as errors:
            worker = subprocess.Popen(
                [program, "worker", "--model", self.model, "--bootstrap-servers", self.kafka, "--group", "later"],
                stderr=errors, env=os.environ | {"LD_LIBRARY_PATH": str(ROOT / ".deps/lib")})
        self.addCleanup(worker.kill)
        self.wait(lambda: "the worker is ready" in log.read_text(), log)
        self.point(self.folder / "first")
        self.wait(lambda: "make encoder" in log.read_text(), log)
        (self.folder / "lib").mkdir()
        (self.folder / "lib/openvino").symlink_to(ROOT / ".deps/openvino")
        worker.send_signal(signal.SIGHUP)
        self.wait(lambda: "the model was exchanged" in log.read_text(), log)
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(timeout=20), 0)

    def test_an_end_while_the_model_loads(self):
        """As the first process of a container would not end by a signal that it does not handle."""
        self.point(self.folder / "first")
        for number in (signal.SIGTERM, signal.SIGINT):
            worker = subprocess.Popen(
                [TRIAGE, "worker", "--model", self.model, "--bootstrap-servers", self.kafka], stderr=subprocess.PIPE, text=True)
            self.addCleanup(worker.kill)
            status = pathlib.Path(f"/proc/{worker.pid}/status")
            deadline = time.time() + 20
            while not int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16) >> number - 1 & 1:
                self.assertLess(time.time(), deadline)
            worker.send_signal(number)
            _, errors = worker.communicate(timeout=20)
            self.assertEqual((worker.returncode, errors), (0, ""))

    @contextlib.contextmanager
    def gateway(self):
        """A gateway of this broker; its address."""
        log = self.folder / "gateway.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [TRIAGE, "gateway", "--port", "0", "--bootstrap-servers", self.kafka], stderr=errors)
        try:
            self.wait(lambda: re.search(r"port=\d+", log.read_text()), log)
            url = "http://127.0.0.1:" + re.search(r"port=(\d+)", log.read_text())[1]

            def is_ready():
                with contextlib.suppress(OSError):
                    return urllib.request.urlopen(f"{url}/health/ready", timeout=10).status == 200

            self.wait(is_ready, log)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)

    def wait(self, condition, log):
        deadline = time.time() + 30
        while not condition():
            if time.time() > deadline:
                self.fail(log.read_text())
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
