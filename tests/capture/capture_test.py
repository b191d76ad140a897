"""Tests of experiments/capture/capture.py. The writer needs only Python; the rest is skipped where PyTorch, or
transformers, is missing. Set YOSO_BENCH to a yoso-bench binary to have it read what was written."""
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "experiments" / "capture"))
import capture  # noqa: E402

try:
    import torch
except ImportError:
    torch = None
try:
    import transformers
except ImportError:
    transformers = None


def read_safetensors(path):
    """(metadata, {name: (dtype, shape, bytes)}), read by the format's definition and not by what wrote it."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__")
    body, end = data[8 + length:], 0
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        assert first == end and (8 + length) % 8 == 0
        tensors[name], end = (entry["dtype"], entry["shape"], body[first:last]), last
    assert end == len(body)
    return metadata, tensors


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = str(self.folder / "layer.safetensors")

    def assert_refused(self, words, call, *arguments, **named):
        with self.assertRaises(capture.CaptureError) as refused:
            call(*arguments, **named)
        self.assertIn(words, str(refused.exception))
        self.assertNotIn("\n", str(refused.exception))


class Writer(Folder):
    def test_the_file_says_what_it_was_told(self):
        q = struct.pack("<6f", *range(6))
        capture.write_safetensors(self.path, {"q": ("F32", (1, 2, 3), q), "mask": ("U8", (3,), b"\1\1\0")},
                                  {"model": "m\u00fc", "layer": 3})
        metadata, tensors = read_safetensors(self.path)
        self.assertEqual(metadata, {"model": "m\u00fc", "layer": "3"})
        self.assertEqual(tensors, {"q": ("F32", [1, 2, 3], q), "mask": ("U8", [3], b"\1\1\0")})

    def test_bytes_that_do_not_fit_the_shape_are_a_mistake(self):
        with self.assertRaises(ValueError):
            capture.write_safetensors(self.path, {"q": ("F32", (2,), b"1234")}, {})
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_folder_that_cannot_be_written_is_refused(self):
        self.assert_refused("cannot be written", capture.write_safetensors, str(self.folder / "no" / "x"), {}, {})

    def test_a_file_is_replaced_whole_and_leaves_nothing_else(self):
        for value in "ab":
            capture.write_safetensors(self.path, {}, {"model": value})
        self.assertEqual(read_safetensors(self.path)[0], {"model": "b"})
        self.assertEqual(os.listdir(self.folder), ["layer.safetensors"])


class CommandLine(Folder):
    def run_script(self, *arguments):
        return subprocess.run([sys.executable, str(SOURCE / "experiments" / "capture" / "capture.py"), *arguments],
                              capture_output=True, text=True, check=False)

    def test_help_shows_how_to_use_it(self):
        result = self.run_script("--help")
        self.assertEqual(result.returncode, 0)
        for word in ("--layer", "--list", "--tokens", "yoso-bench error --qkv"):
            self.assertIn(word, result.stdout)

    def test_mistakes_are_usage_errors(self):
        for arguments, word in ((["m", "t"], "-o FILE"), (["m", "t", "--list", "--tokens", "0"], "--tokens"),
                                (["m", "t", "--list", "--pick-heads", "a"], "--pick-heads"), ([], "MODEL")):
            result = self.run_script(*arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(word, result.stderr)

    def test_what_cannot_be_read_is_one_line(self):
        result = self.run_script("no-such-model", str(self.folder / "missing.txt"), "--list")
        self.assertEqual(result.returncode, 3)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)


def tensor(entry):
    dtype, shape, data = entry
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "U8": torch.uint8}
    return torch.frombuffer(bytearray(data), dtype=kinds[dtype]).reshape(shape)


if torch:

    class OwnAttention(torch.nn.Module):
        """Attention over three projections that remembers what it computed. `rotary` changes q and k after them."""

        def __init__(self, width, heads, kv_heads, sdpa, rotary=False, mask=None, scale=None):
            super().__init__()
            self.heads, self.kv_heads, self.d = heads, kv_heads, width // heads
            self.query = torch.nn.Linear(width, width)
            self.key = torch.nn.Linear(width, kv_heads * self.d)
            self.value = torch.nn.Linear(width, kv_heads * self.d)
            self.sdpa, self.rotary, self.mask, self.scale = sdpa, rotary, mask, scale

        def forward(self, x):
            batch, n, _ = x.shape
            q, k, v = (projection(x).reshape(batch, n, -1, self.d).transpose(1, 2)
                       for projection in (self.query, self.key, self.value))
            self.plain = [t.detach().clone() for t in (q, k, v)]
            if self.rotary:
                turn = torch.arange(n)[:, None] * 0.1
                q, k = q * torch.cos(turn), k * torch.cos(turn)
            self.given = [t.detach().clone() for t in (q, k, v)]
            group = self.heads // self.kv_heads
            if self.sdpa:
                k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
                mask = None if isinstance(self.mask, str) else self.mask
                out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=self.scale,
                                                                       is_causal=self.mask == "causal")
            else:
                k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
                out = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(self.d), -1) @ v
            q *= 0  # nobody may be watching these tensors themselves
            return out.transpose(1, 2).reshape(batch, n, -1)

    class Two(torch.nn.Module):
        def __init__(self, **options):
            super().__init__()
            self.layers = torch.nn.ModuleList([OwnAttention(24, 4, **options), OwnAttention(24, 4, **options)])

        def forward(self, x):
            for layer in self.layers:
                x = x + layer(x)
            return x


@unittest.skipUnless(torch, "PyTorch is missing")
class Models(Folder):
    def setUp(self):
        super().setUp()
        torch.manual_seed(1)
        self.x = torch.randn(2, 7, 24)

    def saved(self, recorder, **options):
        recorder.save(self.path, **options)
        metadata, tensors = read_safetensors(self.path)
        self.check_with_binary()
        return metadata, {name: tensor(entry) for name, entry in tensors.items()}

    def check_with_binary(self):
        if not os.environ.get("YOSO_BENCH"):
            return
        command = [os.environ["YOSO_BENCH"], "error", "--qkv", self.path, "-m", "softmax", "--seeds", "2"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)

    def assert_same(self, tensors, want):
        for name, expected in zip("qkv", want):
            self.assertTrue(torch.equal(tensors[name], expected), name)

    def test_sdpa_is_seen_as_it_is_given(self):
        model = Two(kv_heads=4, sdpa=True, rotary=True)
        original = torch.nn.functional.scaled_dot_product_attention
        for layer, name in ((1, "1 (layers.1)"), ("layers.1", "layers.1")):
            with capture.Capture(model, layer) as recorder:
                out = model(self.x)
            metadata, tensors = self.saved(recorder, text="noise", source="a test")
            self.assert_same(tensors, model.layers[1].given)
            self.assertFalse(torch.equal(model.layers[1].given[0], model.layers[1].plain[0]))
            self.assertEqual(metadata["layer"], name)
            self.assertEqual(metadata["model"], "Two")
            self.assertEqual(metadata["logit_scale"], "1/sqrt(d)")
            self.assertEqual(metadata["dtype"], "F32")
            self.assertEqual(metadata["heads"], "all")
            self.assertEqual(metadata["text"], "noise")
            self.assertEqual(metadata["source"], "a test")
            self.assertEqual(metadata["tap"], "scaled_dot_product_attention")
            self.assertTrue(torch.equal(out, model(self.x)))  # watching changes nothing
        self.assertIs(torch.nn.functional.scaled_dot_product_attention, original)
        self.assertEqual(sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()), 0)

    def test_projections_are_seen_before_rotary(self):
        for sdpa in (False, True):
            model = Two(kv_heads=2, sdpa=sdpa, rotary=True)
            with capture.Capture(model, "layers.0", q="query", k="key", v="value", heads=4) as recorder:
                model(self.x)
                model(-self.x)  # only the first pass counts
            want = [t.clone() for t in model.layers[0].plain]
            model(self.x)
            want = model.layers[0].plain
            metadata, tensors = self.saved(recorder, positions="rotary, not yet applied")
            self.assert_same(tensors, want)
            self.assertEqual(tensors["k"].shape, (2, 2, 7, 6))
            self.assertEqual(metadata["positions"], "rotary, not yet applied")
            self.assertEqual(metadata["tap"], "projections")

    def test_multihead_attention_is_projected_with_its_own_weights(self):
        padding = torch.zeros(2, 7, dtype=torch.bool)
        padding[1, 5:] = True
        for batch_first in (False, True):
            for weights in (False, True):
                layer = torch.nn.MultiheadAttention(24, 4, batch_first=batch_first).eval()
                model = torch.nn.ModuleDict({"attention": layer})
                x = self.x if batch_first else self.x.transpose(0, 1)
                with capture.Capture(model, "attention") as recorder, torch.no_grad():
                    out = layer(x, x, x, key_padding_mask=padding, need_weights=weights)[0].detach()
                metadata, tensors = self.saved(recorder)
                self.assertEqual(metadata["tap"], "MultiheadAttention")
                self.assertTrue(torch.equal(tensors["mask"], (~padding).to(torch.uint8)))
                # Attention over the saved tensors, then its output projection, is what the model put out.
                again = torch.nn.functional.scaled_dot_product_attention(
                    tensors["q"], tensors["k"], tensors["v"], attn_mask=tensors["mask"].bool()[:, None, None, :])
                again = layer.out_proj(again.transpose(1, 2).reshape(2, 7, 24)).detach()
                out = out if batch_first else out.transpose(0, 1)
                self.assertLess(float((again - out).abs().max()), 1e-5)

    def test_a_transformer_encoder_is_seen_inside(self):
        layer = torch.nn.TransformerEncoderLayer(24, 4, 32, batch_first=True).eval()
        model = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
        with torch.no_grad():
            plain = model(self.x)
            with capture.Capture(model, 1) as by_number:
                watched = model(self.x)
            with capture.Capture(model, "layers.1.self_attn") as by_name:
                model(self.x)
        self.assertLess(float((plain - watched).abs().max()), 1e-5)
        for name in "qkv":
            a, b = getattr(by_number.call(), name), getattr(by_name.call(), name)
            self.assertEqual(a.shape, (2, 4, 7, 6))
            self.assertLess(float((a - b).abs().max()), 1e-5)

    def test_masks_are_understood(self):
        keep = torch.ones(2, 7, dtype=torch.bool)
        keep[1, 4:] = False
        triangle = torch.ones(7, 7, dtype=torch.bool).tril()
        band = triangle & ~torch.ones(7, 7, dtype=torch.bool).tril(-3)
        left = keep.flip(1)
        opened = left[:, None, :] & triangle
        opened[1, :3] = True  # rows of padded queries, opened so that none is empty
        closed = keep[:, None, :] & keep[:, :, None]  # or closed
        additive = torch.zeros(2, 1, 1, 7).masked_fill(~keep[:, None, None, :], torch.finfo(torch.float32).min)
        cases = [("causal", None, True, ""),
                 (triangle, None, True, ""),
                 (keep[:, None, None, :], keep, False, ""),
                 (additive, keep, False, ""),
                 ((keep[:, None, :] & triangle)[:, None], keep, True, ""),
                 (opened[:, None], left, True, ""),
                 (closed[:, None], keep, False, ""),
                 (torch.ones(7, 7, dtype=torch.bool), None, False, ""),
                 (band, None, False, "neither"),
                 (torch.randn(7, 7), None, False, "bias")]
        for index, (mask, want_keep, want_causal, note) in enumerate(cases):
            with self.subTest(index):
                model = Two(kv_heads=4, sdpa=True, mask=mask)
                with capture.Capture(model, 0) as recorder:
                    model(self.x)
                metadata, tensors = self.saved(recorder)
                self.assertEqual(metadata["causal"], "true" if want_causal else "false")
                self.assertIn(note, metadata.get("mask_note", ""))
                self.assertEqual("mask_note" in metadata, bool(note))
                if want_keep is None:
                    self.assertNotIn("mask", tensors)
                else:
                    self.assertTrue(torch.equal(tensors["mask"].bool(), want_keep))

    def test_scale_heads_and_dtype_are_recorded(self):
        model = Two(kv_heads=2, sdpa=True, scale=0.25)
        with capture.Capture(model, 0) as recorder:
            model(self.x)
        q, k, _ = model.layers[0].given
        metadata, tensors = self.saved(recorder, heads=[0, 3], dtype="bf16")
        self.assertEqual((metadata["logit_scale"], metadata["heads"], metadata["dtype"]), ("0.25", "0,3", "BF16"))
        self.assertTrue(torch.equal(tensors["q"], q[:, [0, 3]].bfloat16()))
        self.assertTrue(torch.equal(tensors["k"], k[:, [0, 1]].bfloat16()))
        metadata, _ = self.saved(capture_with(model, self.x, scale=1 / math.sqrt(6)))
        self.assertEqual(metadata["logit_scale"], "1/sqrt(d)")
        half = Two(kv_heads=4, sdpa=True).half()
        metadata, tensors = self.saved(capture_with(half, self.x.half()))
        self.assertEqual(metadata["dtype"], "F16")
        self.assert_same(tensors, half.layers[0].given)

    def test_grouped_queries_keep_their_heads(self):
        model = Two(kv_heads=2, sdpa=False)
        names = {"q": "query", "k": "key", "v": "value", "heads": 4}
        with capture.Capture(model, "layers.0", **names) as recorder:
            model(self.x)
        _, whole = self.saved(recorder)
        _, picked = self.saved(recorder, heads=[1, 2])
        self.assertEqual(whole["k"].shape, (2, 2, 7, 6))
        self.assertTrue(torch.equal(picked["q"], whole["q"][:, [1, 2]]))
        self.assertTrue(torch.equal(picked["k"], whole["k"][:, [0, 1]]))

    def test_mistakes_say_what_to_do(self):
        model = Two(kv_heads=4, sdpa=False)
        names = {"q": "query", "k": "key", "v": "value", "heads": 4}
        refuse = self.assert_refused
        refuse("did you mean 'layers.1'?", capture.Capture, model, "layer.1")
        refuse("did you mean 'query'?", capture.Capture, model, "layers.1", **{**names, "q": "quer"})
        refuse("not only q", capture.Capture, model, "layers.1", q="query")
        refuse("heads", capture.Capture, model, "layers.1", **{**names, "heads": None})
        refuse("must be a module's name", capture.Capture, model, 0, **names)
        refuse("0 or more", capture.Capture, model, -1)
        refuse("attn_implementation='sdpa'", capture_with(model, self.x).call)
        five = capture_with(model, self.x, layer="layers.0", **{**names, "heads": 5})
        refuse("does not split into 5 heads", five.call)
        sdpa = capture_with(Two(kv_heads=4, sdpa=True), self.x, layer=2)
        refuse("2 times (0 to 1)", sdpa.call)
        good = capture_with(Two(kv_heads=4, sdpa=True), self.x)
        refuse("0 to 3, got 4", good.save, self.path, heads=[4])
        refuse("f32, f16 or bf16", good.save, self.path, dtype="int8")
        with capture.Capture(model, "layers.0", **names) as never:
            pass
        refuse("never ran query, key, value", never.call)
        broken = capture_with(Two(kv_heads=4, sdpa=True), self.x * math.inf)
        refuse("q holds a NaN", broken.save, self.path)
        self.assertEqual(os.listdir(self.folder), [])

    def test_hooks_go_away_when_the_model_fails(self):
        model = Two(kv_heads=4, sdpa=True)
        original = torch.nn.functional.scaled_dot_product_attention
        with self.assertRaises(RuntimeError):
            with capture.Capture(model, 0):
                model(torch.randn(2, 7, 5))
        self.assertIs(torch.nn.functional.scaled_dot_product_attention, original)
        self.assertEqual(sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()), 0)


def capture_with(model, x, layer=0, **options):
    with capture.Capture(model, layer, **options) as recorder:
        model(x)
    return recorder


@unittest.skipUnless(torch and transformers, "PyTorch or transformers is missing")
class HuggingFace(CommandLine):
    def make_model(self):
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "in", "the", "beginning", "was", "word"]
        vocabulary = self.folder / "vocab.txt"
        vocabulary.write_text("\n".join(words))
        model = self.folder / "model"
        torch.manual_seed(2)
        config = transformers.LlamaConfig(vocab_size=len(words), hidden_size=32, intermediate_size=32,
                                          num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
                                          max_position_embeddings=64)
        transformers.LlamaModel(config).save_pretrained(model)
        transformers.BertTokenizer(str(vocabulary)).save_pretrained(model)
        text = self.folder / "text.txt"
        text.write_text("in the beginning was the word " * 20)
        return str(model), str(text)

    def test_a_model_on_disk_is_captured(self):
        model, text = self.make_model()
        listed = self.run_script(model, text, "--list")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertEqual(listed.stdout.count("self_attn"), 3, listed.stdout)
        result = self.run_script(model, text, "--layer", "1", "--tokens", "32", "--source", "John 1", "-o", self.path)
        self.assertEqual(result.returncode, 0, result.stderr)
        metadata, tensors = read_safetensors(self.path)
        self.assertEqual(metadata["layer"], "1 (layers.1.self_attn)")
        self.assertEqual(metadata["positions"], "rotary, applied")
        self.assertEqual(metadata["causal"], "true")
        self.assertEqual(metadata["text"], "John 1")
        self.assertEqual(tensors["q"][1], [1, 4, 32, 8])
        by_name = self.run_script(model, text, "--layer", "layers.1.self_attn", "--q", "q_proj", "--k", "k_proj", "--v",
                                  "v_proj", "--heads", "4", "--tokens", "32", "-o", self.path)
        self.assertEqual(by_name.returncode, 0, by_name.stderr)
        metadata, projected = read_safetensors(self.path)
        self.assertEqual(metadata["positions"], "rotary, not yet applied")
        self.assertEqual(projected["k"][1], [1, 2, 32, 8])
        self.assertNotEqual(projected["q"][2], tensors["q"][2])
        long = self.run_script(model, text, "-o", self.path)
        self.assertIn("64 tokens, all that the model takes", long.stderr)

    def test_mistakes_are_one_line(self):
        model, text = self.make_model()
        for arguments, word in (([model, text, "--layer", "7"], "3 times"),
                                ([model, text, "--layer", "layers.9"], "layers."),
                                ([str(self.folder / "none"), text], "cannot be loaded"),
                                ([model, text, "--q", "q_proj"], "q, k and v")):
            result = self.run_script(*arguments, "-o", self.path)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertIn(word, result.stderr.splitlines()[-1])


if __name__ == "__main__":
    for what, module in (("PyTorch", torch), ("transformers", transformers)):
        if module is None:
            print(f"{what} is missing: its tests are skipped", file=sys.stderr)
    unittest.main()
