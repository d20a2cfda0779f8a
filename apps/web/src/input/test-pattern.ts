/**
 * A moving picture for whoever has neither camera nor file at hand: drifting discs on a gradient. It shows nothing that a
 * model knows, so no label is claimed for it.
 */
export function drawTestPattern(context: CanvasRenderingContext2D, timeMs: number): void {
  const { width, height } = context.canvas
  const phase = timeMs / 1000
  const sky = context.createLinearGradient(0, 0, width, height)
  sky.addColorStop(0, `hsl(${(phase * 24) % 360} 55% 32%)`)
  sky.addColorStop(1, `hsl(${(phase * 24 + 70) % 360} 60% 58%)`)
  context.fillStyle = sky
  context.fillRect(0, 0, width, height)
  for (let i = 0; i < 6; i++) {
    const angle = phase * (0.5 + 0.13 * i) + i * 1.05
    const x = width * (0.5 + 0.34 * Math.cos(angle))
    const y = height * (0.5 + 0.34 * Math.sin(angle * 1.3))
    context.beginPath()
    context.arc(x, y, width * (0.05 + 0.02 * i), 0, 2 * Math.PI)
    context.fillStyle = `hsl(${(i * 60 + phase * 40) % 360} 80% 62% / 0.85)`
    context.fill()
  }
  const bar = (phase * 0.25) % 1
  context.fillStyle = 'rgb(255 255 255 / 0.75)'
  context.fillRect(bar * width, 0, width * 0.012, height)
}
