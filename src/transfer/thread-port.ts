import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { InternalError } from '../errors.ts'

/** The last message to a thread: close your port, which ends you. */
export const END = 'end'

/** The first message of a thread: its program runs. */
export const READY = 'ready'

/** The message that a thread receives from its starter. */
export interface ThreadInput<Data> {
  readonly data: Data
  /** One word: whether the program runs. */
  readonly start: SharedArrayBuffer
}

/** The states of that word. The starter of a thread gives it up, or it begins, whichever is first. */
const STARTING = 0
const RUNNING = 1
const GIVEN_UP = 2

/** For a program of a thread: its port and its data. Its starter learns that the program runs. */
export function beginThread<Data>(): { readonly port: MessagePort; readonly data: Data } {
  const { data, start } = workerData as ThreadInput<Data>
  if (parentPort === null) throw new InternalError('This file runs only as a worker thread')
  // Its jobs name descriptors that are something else by now.
  if (!change(start, RUNNING)) throw new InternalError('This thread started too late')
  parentPort.postMessage(READY)
  return { port: parentPort, data }
}

/** Gives up a thread; `false` if its program has begun. */
export function giveUpThread(start: SharedArrayBuffer): boolean {
  return change(start, GIVEN_UP)
}

function change(start: SharedArrayBuffer, to: number): boolean {
  return Atomics.compareExchange(new Int32Array(start), 0, STARTING, to) === STARTING
}
