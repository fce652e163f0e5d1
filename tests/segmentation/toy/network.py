import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE, LOW_RES_SIDE = 64, 32


class ToyModel(nn.Module):
    """Two convolutions look at the image, one at what they gave and at the prompt drawn beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(3, 6, 4, stride=4)
        self.coarse = nn.Conv2d(3, 10, 8, stride=8)
        self.head = nn.Conv2d(6 + 10 + 3, 5, 3, padding=1)
        self.rate = nn.Linear(10, 5)

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"fine": self.fine(pixels), "coarse": self.coarse(pixels)}

    def decode(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        cells = (torch.arange(LOW_RES_SIDE, dtype=torch.float32) + 0.5) * (SIDE / LOW_RES_SIDE)
        dx = (cells - point_coords[..., :1]) ** 2  # (1, N, 32)
        dy = (cells - point_coords[..., 1:]) ** 2
        bells = torch.exp(-(dy[:, :, :, None] + dx[:, :, None, :]) / 60)  # (1, N, 32, 32)
        drawn = [
            (bells * wanted[:, :, None, None]).sum(1, keepdim=True)
            for wanted in ((point_labels >= 1).float(), (point_labels == 0).float())
        ]
        maps = [F.interpolate(embedding[name], (LOW_RES_SIDE, LOW_RES_SIDE)) for name in ("fine", "coarse")]
        previous = torch.tanh(mask_input) * has_mask_input[:, None, None, None]
        logits = 4 * self.head(torch.cat([*maps, *(4 * part for part in drawn), previous], 1))
        seen = torch.cat([logits.mean((2, 3)), logits.amax((2, 3))], 1)
        return logits, torch.sigmoid(self.rate(seen))
