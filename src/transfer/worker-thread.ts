import { Worker } from 'node:worker_threads'

/**
 * Starts a thread whose program is the file `name` of this folder: TypeScript when run from the sources, JavaScript in the package.
 * The thread does not keep the process alive.
 */
export function startThread(name: string, workerData: unknown): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./${name}.${extension}`, import.meta.url), { workerData })
  worker.unref()
  return worker
}

/** What a thread is told last: to close its port, which ends it. */
export const END = 'end'

/**
 * Ends a thread once it has done what it was told before. It is not terminated: a thread that is while it loads a native module
 * takes the whole process with it.
 */
export async function endThread(thread: Worker): Promise<void> {
  if (thread.threadId === -1) return
  const exited = new Promise((resolve) => thread.once('exit', resolve))
  thread.postMessage(END)
  await exited
}
