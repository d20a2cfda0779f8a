"""The whole way on generated pictures: train, stop, resume, calibrate, export, compare. Seconds on one core."""
import json
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

MISSING = []
for module in ("torch", "onnx", "numpy", "PIL"):
    try:
        __import__(module)
    except ImportError:
        MISSING.append(module)
SKIP = f"training tests skipped: not installed: {', '.join(MISSING)}" if MISSING else ""
if SKIP:
    print(SKIP)
else:
    import numpy as np
    import torch

    import export as exporting
    import generated
    from augment import Augmentation, batch, crops
    from backgrounds import Backgrounds, hand_mask
    from calibrate import Policies, calibrate, default_policy, frontier, load_net, temperature
    from data import Pictures, cover, load, split_calibration
    from model import MultiExitNet, macs
    from plot import exits_chart, training_chart
    from recipes import RECIPES
    from report import into_meta, report
    from schedule import Budget, rate, side_at
    from train import Trainer

    torch.set_num_threads(1)


@unittest.skipIf(SKIP, SKIP)
class Run(unittest.TestCase):
    """One short run, shared by the tests that look at its parts."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = Path(cls.folder.name)
        cls.recipe = generated.recipe()
        generated.write(cls.root)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def trainer(self, out: str, epochs: int = 2) -> "Trainer":
        return Trainer(self.recipe, self.root, self.root / out, self.root / "cache", Budget(epochs=epochs), "fp32")

    def test_one_epoch_then_export_equals_pytorch(self):
        trainer = self.trainer("one", epochs=1)
        trainer.run()
        net = load_net(trainer.checkpoint, self.recipe)
        found = calibrate(net, trainer.held_squares, trainer.held_labels, self.recipe)
        path = exporting.export(net, self.recipe, trainer.classes, found, self.root / "one")
        self.assertLess(exporting.difference(net, path, self.recipe.size, seed=1)["largest"], 1e-4)
        meta = json.loads((self.root / "one" / "tiny.meta.json").read_text())
        self.assertEqual([e["from"] for e in meta["exits"]], ["stage1_block1", "stage2_block1", "stage2_block2"])
        self.assertEqual(meta["labels"], ["colour 0", "colour 1", "colour 2"])
        self.assertTrue(all(0 <= t <= 1 for p in meta["operatingCurve"] for t in p["thresholds"]))
        val = load(self.root / "tiny", "val", self.recipe.size, self.root / "cache", squares=True)
        measured = report(net, self.recipe, np.asarray(val.pixels), val.labels, val.classes, found)
        self.assertEqual(measured["images"], 24)
        self.assertEqual(into_meta(meta, measured)["measured"]["split"], "val")
        log = [dict(e, calibration=[0.5] * 4) for e in trainer.log]
        for svg in (training_chart("tiny", log), exits_chart("tiny", found, measured)):
            self.assertTrue(svg.startswith("<svg") and svg.endswith("</svg>\n"))

    def test_partition_points_have_the_names_of_blocks(self):
        import onnx
        from onnx_build import build
        net = MultiExitNet(self.recipe.shape).eval()
        model = build(net, self.recipe.size, "tiny")
        tensors = {o for n in model.graph.node for o in n.output}
        self.assertLessEqual({"stem", "stage1_block1", "stage2_block2", "stage3_block1", "exit1", "logits"}, tensors)
        self.assertEqual([o.name for o in model.graph.output], net.exit_names())
        self.assertEqual(len({n.name for n in model.graph.node}), len(model.graph.node))
        self.assertNotIn("BatchNormalization", {n.op_type for n in model.graph.node})
        self.assertEqual(model.opset_import[0].version, 17)
        onnx.checker.check_model(model)

    def test_a_resumed_run_has_the_same_schedule_and_weights(self):
        whole = self.trainer("whole")
        whole.run()
        first = self.trainer("cut")
        first.run_epoch()
        first.save()
        second = self.trainer("cut")
        self.assertTrue(second.resume())
        self.assertEqual(second.budget.progress(), 0.5)
        second.run()
        self.assertEqual([(e["epoch"], e["side"], e["lr"], e["loss"]) for e in whole.log],
                         [(e["epoch"], e["side"], e["lr"], e["loss"]) for e in second.log])
        for a, b in zip(whole.average.net.state_dict().values(), second.average.net.state_dict().values()):
            self.assertTrue(torch.equal(a, b))

    def test_a_time_budget_survives_in_the_checkpoint(self):
        trainer = self.trainer("timed")
        trainer.budget = Budget(minutes=60, spent_s=1800)
        trainer.save()
        again = self.trainer("timed")
        again.budget = Budget(minutes=60)
        again.resume()
        self.assertEqual(again.budget.progress(), 0.5)

    def test_the_calibration_part_is_never_trained_on(self):
        trainer = self.trainer("split")
        self.assertEqual((len(trainer.labels), len(trainer.held_labels)), (81, 15))
        labels = np.repeat(np.arange(3), 32)
        to_train, held = split_calibration(labels, 15, 4)
        self.assertFalse(set(to_train) & set(held))
        self.assertEqual(np.bincount(labels[held]).tolist(), [5, 5, 5])
        self.assertTrue(np.array_equal(held, split_calibration(labels, 15, 4)[1]))


@unittest.skipIf(SKIP, SKIP)
class Parts(unittest.TestCase):
    def test_shipped_nets_keep_their_work_limits(self):
        for name, limit, first in (("imagenette", 400e6, 0.2), ("handsigns", 60e6, 0.35)):
            recipe = RECIPES[name]
            counted = macs(MultiExitNet(recipe.shape), recipe.size)
            self.assertLessEqual(counted["trunk"], limit)
            self.assertGreaterEqual(len(counted["heads"]), 3)
            self.assertLess(counted["exits"][0] / counted["trunk"], first)
            self.assertEqual(counted["exits"][-1], counted["trunk"] + sum(counted["heads"]))

    def test_multiply_accumulates_of_a_net_counted_by_hand(self):
        counted = macs(MultiExitNet(generated.recipe().shape), 64)
        self.assertEqual(counted["points"]["stem"], 32 * 32 * 27 * 8 + 16 * 16 * 9 * 8 * 8)
        self.assertEqual(counted["heads"][0], 4 * 4 * 9 * 12 * 8 + 2 * 2 * 9 * 8 * 8 + 8 * 3)

    def test_the_rate_rises_then_falls_to_nearly_zero(self):
        self.assertAlmostEqual(rate(0.1, 1.0, 0.1), 1.0)
        self.assertLess(rate(0.0, 1.0, 0.1), 0.11)
        self.assertLess(rate(1.0, 1.0, 0.1), 0.01)
        self.assertEqual([side_at(p, ((0, 96), (0.5, 128))) for p in (0, 0.49, 0.5, 1)], [96, 96, 128, 128])

    def test_a_crop_stays_inside_the_picture(self):
        sizes = torch.tensor([[60, 80], [80, 40]] * 50)
        maps = crops(sizes, 80, Augmentation(area=(0.35, 1.0)), torch.Generator().manual_seed(1))
        corners = torch.tensor([[-1.0, -1, 1], [1, 1, 1]]).T
        reach = (maps @ corners).abs().amax(2)
        self.assertTrue((reach[:, 0] <= sizes[:, 1] / 80 + 1e-5).all() and (reach[:, 1] <= sizes[:, 0] / 80 + 1e-5).all())

    def test_without_augmentation_the_picture_comes_back(self):
        pixels = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
        plain = Augmentation(area=(1, 1), ratio=1.0, mirror=False)
        out = batch(pixels, torch.full((3, 2), 32), 32, plain, torch.Generator().manual_seed(3))
        self.assertLess(float((out - pixels.permute(0, 3, 1, 2) / 255).abs().max()), 1e-4)
        self.assertEqual(Augmentation(noise=0.2, cutmix=0.5).at(0.0), Augmentation(area=(1, 1), ratio=1.0))

    def test_the_mask_finds_the_hand_and_the_wall_is_replaced(self):
        picture = np.full((48, 48, 3), (150, 150, 160), np.uint8)
        picture[16:40, 12:32] = (190, 140, 100)
        mask = hand_mask(picture)
        self.assertGreater(mask[20:36, 16:28].min(), 200)
        self.assertLess(mask[:10].max(), 50)
        pictures = Pictures(picture[None], np.array([[48, 48]], np.int16), np.zeros(1, np.int64), ["hand"])
        rng = torch.Generator().manual_seed(5)
        fill = Backgrounds(pictures, count=4).chooser(torch.zeros(1, dtype=torch.long))
        out = batch(torch.from_numpy(picture)[None], torch.tensor([[48, 48]]), 48,
                    Augmentation(area=(1, 1), ratio=1.0, mirror=False, background=1.0), rng, fill)
        self.assertLess(float((out[0, :, 28, 22] * 255 - torch.tensor([190.0, 140, 100])).abs().max()), 2)
        self.assertGreater(float(out[0, :, :8].std()), 0.01)

    def test_cover_takes_the_middle_square_without_resampling(self):
        from PIL import Image
        wide = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
        self.assertTrue(np.array_equal(np.asarray(cover(Image.fromarray(wide), 20)), wide[:, 5:25]))
        self.assertEqual(cover(Image.fromarray(wide), 16).size, (16, 16))

    def test_thresholds_trade_work_for_accuracy_along_the_curve(self):
        rng = np.random.default_rng(0)
        n, cost = 400, [20.0, 50.0, 110.0]
        hard = rng.random(n)
        confidence = np.stack([np.clip(1 - hard * s + rng.normal(0, 0.02, n), 0.1, 1) for s in (0.9, 0.5, 0.2)])
        right = rng.random((3, n)) < confidence
        curve = frontier(Policies(confidence, right, cost, 100.0))
        work = [p["meanMacs"] for p in curve]
        self.assertEqual(work, sorted(work))
        self.assertGreater(len(curve), 5)
        self.assertAlmostEqual(curve[-1]["accuracyLoss"], min(p["accuracyLoss"] for p in curve))
        chosen = default_policy(curve, 0.02)
        self.assertLess(chosen["meanMacs"], 110)
        self.assertLessEqual(chosen["accuracyLoss"], 0.02)

    def test_the_temperature_undoes_a_scaling_of_calibrated_logits(self):
        rng = np.random.default_rng(1)
        logits = rng.normal(0, 2, (4000, 5))
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        labels = np.array([rng.choice(5, p=row) for row in p])
        self.assertAlmostEqual(temperature(logits * 3, labels), 3, delta=0.25)


if __name__ == "__main__":
    unittest.main()
