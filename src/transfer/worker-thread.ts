import { Worker } from 'node:worker_threads'
import { programUrl } from '../io/program-url.ts'

/** Starts a thread that runs `program`, see `programUrl`. The thread does not keep the process alive. */
export function startThread(program: URL, workerData: unknown): Worker {
  const worker = new Worker(programUrl(program), { workerData })
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
