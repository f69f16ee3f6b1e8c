import { Worker } from 'node:worker_threads'
import { programUrl } from '../io/program-url.ts'

/** Starts a thread that runs `program`, see `programUrl`. The thread does not keep the process alive. */
export function startThread(program: URL, workerData: unknown): Worker {
  const worker = new Worker(programUrl(program), { workerData })
  worker.unref()
  return worker
}

/** The last message to a thread: close your port, which ends you. */
export const END = 'end'

/**
 * Ends a thread after it has processed all earlier messages. It is not terminated: a thread terminated while it loads a native module takes the whole
 * process with it.
 */
export async function endThread(thread: Worker): Promise<void> {
  if (thread.threadId === -1) return
  const exited = new Promise((resolve) => thread.once('exit', resolve))
  thread.postMessage(END)
  await exited
}
