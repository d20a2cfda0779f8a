import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * Runs tasks one after the other and keeps each result as a file, so that a run that was cut off goes on where it was.
 * When all are done the files go. A file that is not JSON counts as not done.
 */
export async function resumed<Task, Result>(
  folder: string,
  tasks: readonly Task[],
  keyOf: (task: Task) => string,
  run: (task: Task) => Promise<Result>,
  onResult: (result: Result, kept: boolean) => Promise<void> = async () => {},
): Promise<Result[]> {
  const results: Result[] = []
  for (const task of tasks) {
    const file = path.join(folder, `${keyOf(task)}.json`)
    const kept = await readKept<Result>(file)
    const result = kept ?? (await run(task))
    if (kept === undefined) {
      await mkdir(folder, { recursive: true })
      await writeFile(file, JSON.stringify(result))
    }
    await onResult(result, kept !== undefined)
    results.push(result)
  }
  await Promise.all(tasks.map((task) => rm(path.join(folder, `${keyOf(task)}.json`), { force: true })))
  return results
}

async function readKept<Result>(file: string): Promise<Result | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Result
  } catch {
    return undefined
  }
}
