import { execFile } from 'node:child_process'
import { appendFile, cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'playwright/test'
import { Device } from '../rig/device.ts'
import { generatedPicture } from '../rig/pictures.ts'
import { REPOSITORY, Rig } from '../rig/room.ts'

const run = promisify(execFile)
const TIMEOUT_MS = 240_000

/** Joins where no server is, beside what the example does: errors keep their names and classes in a minified build. */
const REFUSED = `
<script type="module">
  import { joinRoom, TransportError } from 'roomful'
  joinRoom({ url: 'not a url' }).catch((error) => {
    globalThis.refused = [error.name, error.reason, error instanceof TransportError]
  })
</script>
`

/** A page outside the repository that has installed the packed library, built by its own Vite. */
async function builtExample(folder: string): Promise<string> {
  const options = { cwd: REPOSITORY, timeout: TIMEOUT_MS, maxBuffer: 1 << 26 }
  await run('npm', ['run', 'build:library'], options)
  const { stdout } = await run(
    'npm',
    ['pack', './packages/roomful/dist', '--pack-destination', folder, '--json'],
    options,
  )
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  if (packed === undefined) throw new Error('npm packed nothing')
  const app = path.join(folder, 'app')
  await cp(path.join(REPOSITORY, 'examples/classify-with-the-room'), app, { recursive: true })
  await appendFile(path.join(app, 'index.html'), REFUSED)
  const manifest = {
    name: 'example',
    private: true,
    type: 'module',
    dependencies: { roomful: `file:../${packed.filename}` },
  }
  await writeFile(path.join(app, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { ...options, cwd: app })
  await writeFile(
    path.join(app, 'vite.config.js'),
    "export default { worker: { format: 'es' }, build: { target: 'es2023' } }\n",
  )
  await run(process.execPath, [path.join(REPOSITORY, 'node_modules/vite/bin/vite.js'), 'build'], {
    ...options,
    cwd: app,
  })
  await symlink(path.join(REPOSITORY, 'public/models'), path.join(app, 'dist/models'))
  return path.join(app, 'dist')
}

test('the packed library classifies from a thirty-line page built by another Vite', async () => {
  test.setTimeout(2 * TIMEOUT_MS)
  const folder = await mkdtemp(path.join(tmpdir(), 'roomful-library-'))
  let rig: Rig | undefined
  try {
    rig = await Rig.start({ dist: await builtExample(folder) })
    const page = await Device.openPage(rig.invite, 'chromium')
    try {
      await expect(page.page.locator('#answer')).toHaveText('Ready: choose a picture.', { timeout: 60_000 })
      const refused = await page.page.evaluate(() => (globalThis as { refused?: unknown }).refused)
      expect(refused).toEqual(['TransportError', 'malformed', true])
      const png = await page.page.evaluate(
        async ({ width, height, rgba }) => {
          const canvas = new OffscreenCanvas(width, height)
          canvas.getContext('2d')?.putImageData(new ImageData(Uint8ClampedArray.from(rgba), width, height), 0, 0)
          return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())]
        },
        plain(generatedPicture(3)),
      )
      await page.page.locator('#file').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from(png) })
      await expect(page.page.locator('#answer')).toContainText(' ms, exit ', { timeout: 60_000 })
    } finally {
      await page.close()
    }
  } finally {
    await rig?.close()
    await rm(folder, { recursive: true, force: true })
  }
})

const plain = ({ width, height, rgba }: ReturnType<typeof generatedPicture>) => ({ width, height, rgba: [...rgba] })
