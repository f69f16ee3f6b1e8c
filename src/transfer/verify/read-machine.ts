import { throwIfCancelled } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { WorkerThread } from '../worker-thread.ts'
import { unpackError } from './packed-error.ts'
import { readPages } from './read-pages.ts'
import type { MachineReading, MachineReadingOptions } from './reading.ts'
import { STOP, type StreamAnswer, type StreamThreadData } from './stream-job.ts'

/**
 * Reads all of an image on other threads and checks everything that can be checked. Damage does not end the reading.
 * @throws ImageError IMAGE_UNSUPPORTED for a stream that is not understood, StorageError, CancelledError
 */
export async function readMachine(
  machine: SavedMachine,
  options: MachineReadingOptions,
): Promise<MachineReading> {
  throwIfCancelled(`read ${machine.path}`, options.signal)
  return machine.pages === undefined
    ? readStreams(machine, options)
    : readPages(machine, machine.pages, options)
}

/** The thread opens the image by itself, because its readers cannot be passed on. */
async function readStreams(
  { path }: SavedMachine,
  options: MachineReadingOptions,
): Promise<MachineReading> {
  const { signal, onRead, maxStreamBytes } = options
  const data: StreamThreadData = { path, maxStreamBytes }
  const result = Promise.withResolvers<MachineReading>()
  await using thread = new WorkerThread<typeof STOP, StreamAnswer>({
    program: new URL('./stream-thread.ts', import.meta.url),
    data,
    keepsProcess: true,
    onAnswer(answer) {
      if (answer.kind === 'read') onRead(answer.fileBytes)
      else if (answer.kind === 'done') result.resolve(answer.reading)
      else result.reject(unpackError(answer.error))
    },
    onFailure: (error) => result.reject(error),
  })
  const stop = (): void => thread.post(STOP)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await result.promise
  } finally {
    signal?.removeEventListener('abort', stop)
    throwIfCancelled(`read ${path}`, signal)
  }
}
