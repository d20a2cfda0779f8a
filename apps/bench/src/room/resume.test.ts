import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { resumed } from './resume.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'roomful-resume-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const TASKS = ['calm', 'cut', 'last']

it('goes on with the task that was cut off and runs none twice', async () => {
  const ran: string[] = []
  const once = (cutAt?: string) =>
    resumed(
      folder,
      TASKS,
      (task) => task,
      async (task) => {
        ran.push(task)
        if (task === cutAt) throw new Error('cut off')
        return { task }
      },
    )
  await expect(once('cut')).rejects.toThrow('cut off')
  expect(await once()).toEqual(TASKS.map((task) => ({ task })))
  expect(ran).toEqual(['calm', 'cut', 'cut', 'last'])
})

it('leaves nothing behind when all is done, and does a half-written result again', async () => {
  await writeFile(path.join(folder, 'calm.json'), '{"task":')
  const done: boolean[] = []
  await resumed(
    folder,
    TASKS,
    (task) => task,
    async (task) => ({ task }),
    async (_, kept) => {
      done.push(kept)
    },
  )
  expect(done).toEqual([false, false, false])
  expect(await readdir(folder)).toEqual([])
})
