#!/usr/bin/env python3
"""Saves the Q, K and V of one attention layer of a PyTorch model as a .safetensors file that yoso-bench reads.
From a shell, for a Hugging Face model:
    capture.py MODEL TEXTFILE --list                 # which attention calls there are
    capture.py MODEL TEXTFILE --layer 3 -o layer3.safetensors
From Python, for any model:
    from capture import Capture
    with Capture(model, 3) as c:                     # the 4th call of scaled_dot_product_attention, or, by name,
        model(batch)                                 # Capture(model, "layer.3.self", q="query", k="key", v="value", heads=12)
    c.save("layer3.safetensors", text="what went in")
Then: yoso-bench error --qkv layer3.safetensors
"""
import argparse
import ctypes
import json
import math
import os
import struct
import sys
import tempfile


class CaptureError(Exception):
    """Something about the model, the layer or the text that the user can put right."""


def torch_module():
    try:
        import torch
    except ImportError as error:
        raise CaptureError(f"PyTorch is needed to run a model: pip install torch ({error})") from None
    return torch


# ---- the file ------------------------------------------------------------------------------------------------------

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "U8": 1}


def write_safetensors(path, tensors, metadata):
    """Writes {name: (dtype, shape, bytes)} and {key: text}, replacing `path` whole or not at all."""
    header, offset = {"__metadata__": {str(key): str(value) for key, value in metadata.items()}}, 0
    for name, (dtype, shape, data) in tensors.items():
        if len(data) != math.prod(shape) * BYTES[dtype]:
            raise ValueError(f"{name}: {len(data)} bytes are not {dtype} {list(shape)}")
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the data are aligned
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".capture-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(struct.pack("<Q", len(text)) + text)
                for _, _, data in tensors.values():
                    file.write(data)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that nobody else can read
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise CaptureError(f"{path}: cannot be written: {error.strerror}") from None


def tensor_bytes(tensor):
    """(dtype, shape, little-endian bytes) of a tensor; what the format or yoso-bench does not know becomes F32."""
    torch = torch_module()
    names = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.uint8: "U8"}
    tensor = tensor.detach().to("cpu").contiguous()
    if tensor.dtype not in names:
        tensor = tensor.to(torch.float32)
    data = ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())  # torch needs numpy for more
    return names[tensor.dtype], tuple(tensor.shape), data


# ---- what one attention call was given -----------------------------------------------------------------------------


class Call:
    """q, k, v as [batch, heads, n, d], the scale of the logits, and what is known of masks."""

    def __init__(self, module, tap, q, k, v, scale=None, causal=False, keep=None, note=""):
        self.module, self.tap, self.q, self.k, self.v = module, tap, q, k, v
        self.scale, self.causal, self.keep, self.note = scale, causal, keep, note

    def describe(self):
        shapes = " ".join(f"{name} {list(t.shape)}" for name, t in (("q", self.q), ("k", self.k), ("v", self.v)))
        return f"{self.module or '(the model)'}  {shapes}{'  causal' if self.causal else ''}"


def understand_mask(mask, q, k):
    """(keep, causal, note) of the attn_mask of scaled_dot_product_attention: a key mask [batch, n_k] or None, whether
    the rest of it is the causal triangle, and a note when it is something else, which the file cannot hold."""
    torch = torch_module()
    allowed = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
    if mask.dtype != torch.bool and bool(((mask != 0) & allowed).any()):
        return None, False, "a bias is added to the logits; it was not saved"
    note = "the attention mask is neither padding nor causal; it was not saved"
    batch, n_q, n_k = q.shape[0], q.shape[-2], k.shape[-2]
    try:
        allowed = allowed.expand(batch, q.shape[1], n_q, n_k)
    except RuntimeError:
        return None, False, note
    if not bool((allowed == allowed[:, :1]).all()):
        return None, False, note  # heads differ
    allowed = allowed[:, 0]
    triangle = torch.ones(n_q, n_k, dtype=torch.bool, device=allowed.device).tril(n_k - n_q)
    # The last query sees every real key, causal or not, unless the model closes the rows of padded queries.
    most = allowed.gather(1, allowed.sum(-1).argmax(-1)[:, None, None].expand(batch, 1, n_k))[:, 0]
    for keep in (allowed[:, -1], most):
        # Rows of padded queries may be closed, or wide open, so that no row is empty.
        padded = ~keep if n_q == n_k else torch.zeros(batch, n_q, dtype=torch.bool, device=keep.device)
        ignored = padded & (allowed.all(-1) | ~allowed.any(-1))
        for causal in (False, True):
            want = keep[:, None, :] & triangle if causal else keep[:, None, :].expand(batch, n_q, n_k)
            if bool(keep.any(-1).all()) and bool(((allowed == want) | ignored[:, :, None]).all()):
                return (None if bool(keep.all()) else keep), causal, ""
    return None, False, note


class Capture:
    """Records what an attention layer of `model` is given while the `with` block runs.

    layer   a number i: the i-th call of torch.nn.functional.scaled_dot_product_attention (SDPA) in a forward pass; or
            the name of a module (as in model.named_modules(), "" for the model itself)
    q, k, v names of the projection modules inside that layer; their outputs are recorded, with `heads` (and `kv_heads`,
            where k and v have fewer). Without them, a torch.nn.MultiheadAttention is projected with its own weights,
            and of any other module the first SDPA call inside it is recorded: exactly what attention is given, after
            rotary positions
    scale   what the model multiplies logits by, when it is not 1/sqrt(d) and cannot be seen (SDPA says it itself)
    keep    [batch, n], 1 for a real token, 0 for padding, when the mask cannot be seen

    Only the first forward pass is recorded. Only one Capture may be open at a time.
    """

    def __init__(self, model, layer, q=None, k=None, v=None, heads=None, kv_heads=None, scale=None, keep=None):
        self.model, self.layer, self.scale, self.keep = model, layer, scale, keep
        self.projections = {"q": q, "k": k, "v": v}
        self.heads, self.kv_heads = heads, kv_heads
        self.calls, self.outputs = [], {}
        self.undo, self.stack = [], []  # what __exit__ takes back; the path to the module that is running
        modules = dict(model.named_modules())
        given = [name for name, module in self.projections.items() if module is not None]
        if isinstance(layer, int):
            if given:
                raise CaptureError("q, k and v name projections inside a layer, so layer must be a module's name")
            if layer < 0:
                raise CaptureError(f"layer must be 0 or more, got {layer}")
            self.root = model
        elif layer not in modules:
            raise CaptureError(f"there is no module '{layer}'{nearest(layer, modules)}")
        else:
            self.root = modules[layer]
        if given and len(given) < 3:
            raise CaptureError(f"name all three projections q, k and v, not only {' and '.join(given)}")
        self.by_projection = bool(given)
        if self.by_projection:
            inside = dict(self.root.named_modules())
            for name, module in self.projections.items():
                if module not in inside:
                    raise CaptureError(f"{name}: there is no module '{module}' in '{layer}'{nearest(module, inside)}")
            if not heads or heads < 1:
                raise CaptureError("heads: say how many heads the projections' outputs are split into")

    # -- hooks --

    def __enter__(self):
        torch = torch_module()
        names = {id(module): name for name, module in self.model.named_modules()}

        def on(register, hook, **options):
            self.undo.append(register(hook, **options).remove)

        for module in self.model.modules():

            def enter(module, _):
                self.stack.append(names[id(module)])

            def leave(*_):
                self.stack.pop()

            on(module.register_forward_pre_hook, enter)
            on(module.register_forward_hook, leave, always_call=True)

        if self.by_projection:
            for name, path in self.projections.items():

                def keep_output(_module, _inputs, output, name=name):
                    output = output[0] if isinstance(output, (tuple, list)) else output
                    self.outputs.setdefault(name, output.detach().clone())  # models scale it in place

                on(self.root.get_submodule(path).register_forward_hook, keep_output)
        elif isinstance(self.root, torch.nn.MultiheadAttention):
            on(self.root.register_forward_pre_hook, self.see_multihead, with_kwargs=True)
        else:
            functional = torch.nn.functional
            original = functional.scaled_dot_product_attention

            def seen(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, **rest):
                self.see_sdpa(query, key, value, attn_mask, is_causal, scale)
                return original(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, **rest)

            functional.scaled_dot_product_attention = seen
            self.undo.append(lambda: setattr(functional, "scaled_dot_product_attention", original))
            # MultiheadAttention has a fused path that calls no SDPA; hooks and this switch keep to the plain one.
            if hasattr(torch.backends, "mha"):
                fast = torch.backends.mha.get_fastpath_enabled()
                torch.backends.mha.set_fastpath_enabled(False)
                self.undo.append(lambda: torch.backends.mha.set_fastpath_enabled(fast))
        return self

    def __exit__(self, *_):
        for undo in reversed(self.undo):
            undo()
        self.undo.clear()
        self.stack.clear()

    def see_sdpa(self, q, k, v, mask, causal, scale):
        if not isinstance(self.layer, int) and self.layer not in self.stack:
            return
        wanted = len(self.calls) == (self.layer if isinstance(self.layer, int) else 0)
        keep, note = None, ""
        if wanted:
            if q.dim() == 3:
                q, k, v = q[None], k[None], v[None]
                mask = mask[None] if mask is not None and mask.dim() == 3 else mask
            if q.dim() != 4:
                raise CaptureError(f"scaled_dot_product_attention was given q of shape {list(q.shape)}; it must be "
                                   "[batch, heads, n, d]")
            if mask is not None:
                keep, causal, note = understand_mask(mask, q, k)
            elif causal and q.shape[2] != k.shape[2]:
                causal, note = False, "the causal mask begins at the first key, not at the last; it was not saved"
        # Of the others only the shapes are kept.
        saved = (t.detach().clone() if wanted else t.detach().to("meta") for t in (q, k, v))
        self.calls.append(Call(self.stack[-1] if self.stack else "", "scaled_dot_product_attention", *saved, scale,
                               bool(causal), keep, note))

    def see_multihead(self, module, args, kwargs):
        """Projects the inputs of a MultiheadAttention as it does itself, whichever of its paths it takes."""
        torch = torch_module()
        if self.calls:
            return
        names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
        given = dict(zip(names, args), **kwargs)
        if module.bias_k is not None or module.add_zero_attn:
            raise CaptureError(f"'{self.layer}' adds keys of its own (add_bias_kv, add_zero_attn): not supported")
        tensors = [given[name] for name in ("query", "key", "value")]
        if tensors[0].dim() == 2:
            tensors = [t[None] for t in tensors]
        elif not module.batch_first:
            tensors = [t.transpose(0, 1) for t in tensors]
        weights = (module.in_proj_weight.chunk(3) if module.in_proj_weight is not None
                   else (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight))
        biases = module.in_proj_bias.chunk(3) if module.in_proj_bias is not None else (None,) * 3
        with torch.no_grad():
            q, k, v = (split_heads(torch.nn.functional.linear(t, w, b), module.num_heads, "projection")
                       for t, w, b in zip(tensors, weights, biases))
        padding, mask, note, causal, keep = given.get("key_padding_mask"), given.get("attn_mask"), "", False, None
        if mask is not None:
            if mask.dim() == 3:
                mask = mask.reshape(q.shape[0], module.num_heads, q.shape[2], k.shape[2])
            # here True forbids; in SDPA it allows
            keep, causal, note = understand_mask(~mask if mask.dtype == torch.bool else mask, q, k)
        if padding is not None:
            real = ~padding if padding.dtype == torch.bool else padding == 0
            real = real.reshape(q.shape[0], -1)
            keep = real if keep is None else keep & real
        self.calls.append(Call(self.layer, "MultiheadAttention", q, k, v, None, causal, keep, note))

    # -- the result --

    def call(self):
        """The recorded call. Raises CaptureError when there was none."""
        if self.by_projection:
            missing = [name for name in "qkv" if name not in self.outputs]
            if missing:
                raise CaptureError(f"'{self.layer}' never ran {', '.join(self.projections[m] for m in missing)}")
            return self.from_projections()
        if not self.calls:
            where = f"'{self.layer}'" if isinstance(self.layer, str) and self.layer else "the model"
            raise CaptureError(f"no call of scaled_dot_product_attention was seen in {where}: load the model with "
                               "attn_implementation='sdpa', or name its projections with q, k and v")
        index = self.layer if isinstance(self.layer, int) else 0
        if index >= len(self.calls):
            raise CaptureError(f"layer {index}: the model calls scaled_dot_product_attention {len(self.calls)} times "
                               f"(0 to {len(self.calls) - 1})")
        return self.calls[index]

    def from_projections(self):
        q = split_heads(self.outputs["q"], self.heads, "q")
        kv_heads = self.kv_heads
        if kv_heads is None:  # as many of the same width as there is room for
            width = self.outputs["k"].shape[-1]
            if width % q.shape[-1]:
                raise CaptureError(f"k is {width} wide, no multiple of the head width {q.shape[-1]}: say kv_heads")
            kv_heads = width // q.shape[-1]
        k, v = (split_heads(self.outputs[name], kv_heads, name) for name in "kv")
        if k.shape[-1] != q.shape[-1]:
            raise CaptureError(f"heads of q are {q.shape[-1]} wide, of k {k.shape[-1]}: check heads and kv_heads")
        if q.shape[1] % k.shape[1]:
            raise CaptureError(f"kv_heads {k.shape[1]} does not divide heads {q.shape[1]}")
        return Call(self.layer, "projections", q, k, v)

    def save(self, path, model=None, text="", positions=None, heads=None, dtype=None, **metadata):
        """Writes the file. `heads` picks some of them; `dtype` is f32, f16 or bf16 (usual: as the model computed);
        `model`, `text` and `positions` describe where it comes from, and so does whatever else is named."""
        torch = torch_module()
        call = self.call()
        q, k, v = call.q, call.k, call.v
        picked = "all"
        if heads is not None:
            picked = ",".join(map(str, heads))
            if not heads or min(heads) < 0 or max(heads) >= q.shape[1]:
                raise CaptureError(f"heads must lie in 0 to {q.shape[1] - 1}, got {picked or 'none'}")
            group = q.shape[1] // k.shape[1]
            q, k, v = q[:, heads], k[:, [h // group for h in heads]], v[:, [h // group for h in heads]]
        if dtype is not None:
            kinds = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
            if dtype not in kinds:
                raise CaptureError(f"dtype must be f32, f16 or bf16, got '{dtype}'")
            q, k, v = (t.to(kinds[dtype]) for t in (q, k, v))
        for name, tensor in (("q", q), ("k", k), ("v", v)):
            if not bool(torch.isfinite(tensor).all()):
                raise CaptureError(f"{name} holds a NaN or an infinity{f' as {dtype}' if dtype else ''}: "
                                   "yoso-bench would refuse it")
        tensors = {"q": tensor_bytes(q), "k": tensor_bytes(k), "v": tensor_bytes(v)}
        keep = self.keep if self.keep is not None else call.keep
        if keep is not None:
            keep = torch.as_tensor(keep).to(torch.uint8)
            if tuple(keep.shape) != (k.shape[0], k.shape[2]):
                raise CaptureError(f"keep must be {[k.shape[0], k.shape[2]]}, got {list(keep.shape)}")
            tensors["mask" if q.shape[2] == k.shape[2] else "keep_k"] = tensor_bytes(keep)
        scale = self.scale if self.scale is not None else call.scale
        default = scale is None or math.isclose(scale, 1 / math.sqrt(q.shape[-1]), rel_tol=1e-6)
        described = {
            "model": model or type(self.model).__name__,
            "layer": call.module if not isinstance(self.layer, int) else f"{self.layer} ({call.module})",
            "heads": picked,
            "text": text,
            "layout": "[batch, heads, n, d]",
            "logit_scale": "1/sqrt(d)" if default else repr(float(scale)),
            "positions": positions or position_scheme(self.model, call.tap),
            "causal": "true" if call.causal else "false",
            "tap": call.tap,
            "dtype": tensors["q"][0],
        }
        if call.note:
            described["mask_note"] = call.note
        described.update(metadata)
        write_safetensors(path, tensors, described)
        return described


def split_heads(tensor, heads, name):
    """[batch, n, heads * d] -> [batch, heads, n, d]"""
    if tensor.dim() == 2:
        tensor = tensor[None]
    if tensor.dim() != 3 or tensor.shape[-1] % heads:
        raise CaptureError(f"{name}: a projection of shape {list(tensor.shape)} does not split into {heads} heads")
    batch, n, width = tensor.shape
    return tensor.detach().reshape(batch, n, heads, width // heads).transpose(1, 2).clone()


def position_scheme(model, tap):
    """What the model's configuration says of positions, and on which side of it the capture lies."""
    config = getattr(model, "config", None)
    if config is None:
        return "unknown"
    named = getattr(config, "position_embedding_type", None)
    rotary = any(getattr(config, name, None) for name in ("rope_theta", "rope_parameters", "rotary_dim"))
    if named and "rotary" not in str(named):
        return str(named)
    if not rotary and not named:
        return "unknown"
    return "rotary, applied" if tap == "scaled_dot_product_attention" else "rotary, not yet applied"


def nearest(word, known):
    import difflib

    close = difflib.get_close_matches(word, [name for name in known if name], n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""


# ---- command line --------------------------------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="capture.py", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Saves Q, K and V of one attention layer of a Hugging Face model for yoso-bench.",
        epilog="examples:\n"
               "  capture.py bert-base-uncased book.txt --list\n"
               "  capture.py bert-base-uncased book.txt --layer 3 -o bert-3.safetensors\n"
               "  capture.py ./my-model book.txt --layer encoder.layer.3.attention.self \\\n"
               "      --q query --k key --v value --heads 12 -o bert-3.safetensors\n"
               "then:\n  yoso-bench error --qkv bert-3.safetensors")
    parser.add_argument("model", metavar="MODEL", help="name or folder of a Hugging Face model (needs transformers)")
    parser.add_argument("text", metavar="TEXT", help="UTF-8 text file to run it on")
    parser.add_argument("-o", "--output", metavar="FILE", help="the .safetensors file to write")
    parser.add_argument("--list", action="store_true", help="list the attention calls of a forward pass instead")
    parser.add_argument("--layer", default="0", metavar="N|NAME",
                        help="N: the N-th attention call, counted from 0 (usual: 0); NAME: a module")
    parser.add_argument("--q", metavar="NAME", help="projection modules inside the layer, for models that do not call "
                                                    "scaled_dot_product_attention; needs --k, --v and --heads too")
    parser.add_argument("--k", metavar="NAME")
    parser.add_argument("--v", metavar="NAME")
    parser.add_argument("--heads", type=int, metavar="H", help="number of heads of the projections")
    parser.add_argument("--kv-heads", type=int, metavar="H", help="number of heads of k and v, where they are fewer")
    parser.add_argument("--pick-heads", metavar="0,3", help="save only these heads")
    parser.add_argument("--tokens", type=int, default=2048, metavar="N",
                        help="use the first N tokens (usual: 2048, or as many as the model takes)")
    parser.add_argument("--dtype", choices=("f32", "f16", "bf16"), help="usual: as the model computes")
    parser.add_argument("--logit-scale", type=float, metavar="S",
                        help="what logits are multiplied by, where it is not 1/sqrt(d) and the call does not say")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (usual: cpu)")
    parser.add_argument("--source", metavar="TEXT", help="where the text is from, its licence (usual: the file's name)")
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the model")
    options = parser.parse_args(arguments)
    if not options.list and not options.output:
        parser.error("say where to write with -o FILE, or use --list")
    if options.tokens < 1:
        parser.error(f"--tokens must be at least 1, got {options.tokens}")
    try:
        options.picked = [int(h) for h in options.pick_heads.split(",")] if options.pick_heads else None
    except ValueError:
        parser.error(f"--pick-heads must be numbers separated by commas, got '{options.pick_heads}'")
    return options


def load(options):
    """(model, inputs) of a Hugging Face model and a text file."""
    torch_module()
    try:
        import transformers
    except ImportError as error:
        raise CaptureError(f"transformers is needed to load a model: pip install transformers ({error})") from None
    try:
        with open(options.text, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureError(f"{options.text}: cannot be read: {error}") from None
    remote = {"trust_remote_code": options.trust_remote_code}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(options.model, **remote)
        # With projections named, the attention does not matter; without, it has to go through SDPA.
        attention = {} if options.q else {"attn_implementation": "sdpa"}
        model = transformers.AutoModel.from_pretrained(options.model, **attention, **remote)
        if getattr(model.config, "is_encoder_decoder", False):
            model = model.get_encoder()
        model = model.to(options.device).eval()
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise CaptureError(f"'{options.model}' cannot be loaded: {str(error).splitlines()[0]}") from None
    limit = min(getattr(model.config, "max_position_embeddings", None) or options.tokens, tokenizer.model_max_length)
    tokens = min(options.tokens, limit)
    inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=tokens).to(options.device)
    n = inputs["input_ids"].shape[1]
    if n == 0:
        raise CaptureError(f"{options.text}: holds no tokens")
    if n < options.tokens:
        print(f"capture.py: {n} tokens, all that the {'model takes' if n == limit else 'text has'}", file=sys.stderr)
    return model, inputs


def main(arguments=None):
    options = parse_arguments(arguments)
    try:
        model, inputs = load(options)
        layer = int(options.layer) if options.layer.isdigit() else options.layer
        projections = (None,) * 3 if options.list else (options.q, options.k, options.v)
        with Capture(model, 0 if options.list else layer, *projections, options.heads, options.kv_heads,
                     options.logit_scale) as capture, torch_module().no_grad():
            try:
                model(**inputs)
            except (RuntimeError, IndexError, ValueError) as error:
                raise CaptureError(f"running '{options.model}' failed: {str(error).splitlines()[0]}") from None
        if options.list:
            for index, call in enumerate(capture.calls):
                print(f"{index:3}  {call.describe()}")
            if not capture.calls:
                capture.call()  # says why there are none
            return 0
        described = capture.save(options.output, options.model, options.source or os.path.basename(options.text),
                                 heads=options.picked, dtype=options.dtype)
    except CaptureError as error:
        print(f"capture.py: {error}", file=sys.stderr)
        return 3
    print(f"{options.output}: {capture.call().describe()}")
    if "mask_note" in described:
        print(f"capture.py: {described['mask_note']}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
