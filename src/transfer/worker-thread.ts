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
