"""Runs an exported file, to compare it with PyTorch: with whatever ONNX implementation the machine has.

In order: onnxruntime for Python, onnx.reference, onnxruntime-node of this repository, and last a small evaluator of the
seven operators that onnx_build.py writes (it reads the file only, never the PyTorch net).
"""
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Callable, Dict, Tuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

Answers = Dict[str, np.ndarray]

NODE_SCRIPT = """
const ort = require('onnxruntime-node'), fs = require('fs');
const [model, input, shape, out] = process.argv.slice(2);
(async () => {
  const session = await ort.InferenceSession.create(model);
  const bytes = fs.readFileSync(input);
  const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const result = await session.run({ input: new ort.Tensor('float32', data, JSON.parse(shape)) });
  const plain = Object.fromEntries(Object.entries(result).map(([k, t]) => [k, { dims: t.dims, data: [...t.data] }]));
  fs.writeFileSync(out, JSON.stringify(plain));
})().catch((e) => { console.error(String(e)); process.exit(1); });
"""


def by_onnxruntime(path: Path, x: np.ndarray) -> Answers:
    import onnxruntime
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {"input": x})))


def by_reference(path: Path, x: np.ndarray) -> Answers:
    from onnx.reference import ReferenceEvaluator
    evaluator = ReferenceEvaluator(str(path))
    return dict(zip(evaluator.output_names, evaluator.run(None, {"input": x})))


def by_node(path: Path, x: np.ndarray) -> Answers:
    repository = Path(__file__).resolve().parent.parent
    node = shutil.which("node")
    if node is None or not (repository / "node_modules" / "onnxruntime-node").exists():
        raise ImportError("onnxruntime-node is not installed")
    with tempfile.TemporaryDirectory() as folder:
        script, data, out = (Path(folder) / n for n in ("run.cjs", "input.bin", "out.json"))
        script.write_text(NODE_SCRIPT)
        data.write_bytes(np.ascontiguousarray(x, np.float32).tobytes())
        environment = {"NODE_PATH": str(repository / "node_modules"), "PATH": str(Path(node).parent)}
        done = subprocess.run([node, str(script), str(path), str(data), json.dumps(list(x.shape)), str(out)],
                              env=environment, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise ImportError(f"onnxruntime-node failed: {done.stderr.strip()[:200]}")
        return {k: np.array(v["data"], np.float32).reshape(v["dims"]) for k, v in json.loads(out.read_text()).items()}


def by_own_evaluator(path: Path, x: np.ndarray) -> Answers:
    model = onnx.load(str(path))
    values = {w.name: torch.from_numpy(numpy_helper.to_array(w).copy()) for w in model.graph.initializer}
    values["input"] = torch.from_numpy(x)
    for node in model.graph.node:
        a = {p.name: onnx.helper.get_attribute_value(p) for p in node.attribute}
        v = [values[i] for i in node.input]
        if node.op_type == "Conv":
            y = F.conv2d(v[0], v[1], v[2], stride=a["strides"], padding=a["pads"][:2], groups=a["group"])
        elif node.op_type == "Relu":
            y = F.relu(v[0])
        elif node.op_type == "Add":
            y = v[0] + v[1]
        elif node.op_type == "AveragePool":
            y = F.avg_pool2d(v[0], a["kernel_shape"], a["strides"])
        elif node.op_type == "ReduceMean":
            y = v[0].mean(a["axes"], keepdim=bool(a["keepdims"]))
        elif node.op_type == "Gemm":
            y = F.linear(v[0], v[1], v[2])
        else:
            raise ValueError(f"{node.name}: operator {node.op_type} is not one that onnx_build.py writes")
        values[node.output[0]] = y
    return {o.name: values[o.name].numpy() for o in model.graph.output}


def run(path: Path, x: np.ndarray) -> Tuple[str, Answers]:
    """(name of the implementation used, outputs by name) for one input [1,3,H,W]."""
    ways: Tuple[Tuple[str, Callable[[Path, np.ndarray], Answers]], ...] = (
        ("onnxruntime", by_onnxruntime), ("onnx.reference", by_reference),
        ("onnxruntime-node", by_node), ("own evaluator", by_own_evaluator),
    )
    for name, way in ways:
        try:
            return name, way(path, x)
        except ImportError:
            continue
    raise AssertionError("the own evaluator needs nothing beyond onnx and torch")
