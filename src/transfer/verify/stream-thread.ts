import { type ImageError, InternalError } from '../../errors.ts'
import { boundedStream } from '../../image/bounded-stream.ts'
import type { BadChunk } from '../../image/digest/check-chunks.ts'
import { CHUNK_LENGTH } from '../../image/digest/layout.ts'
import { FORMATS } from '../../image/format-table.ts'
import { openImage } from '../../image/open-image.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { beginThread } from '../thread-port.ts'
import { packError } from './packed-error.ts'
import { type FileFaults, readChannels } from './read-channels.ts'
import { readStream } from './read-stream.ts'
import type { MachineReading, ReadingOptions } from './reading.ts'
import { type StreamAnswer, type StreamThreadData } from './stream-job.ts'

/** Progress is passed on in steps of this many bytes. */
const STEP = 8 * 1024 * 1024

const { port, data } = beginThread<StreamThreadData>()
const { path, maxStreamBytes } = data
const stop = new AbortController()
// Any message asks to stop.
port.once('message', () => stop.abort())
void read()
  .then((reading) => post({ kind: 'done', reading }))
  .catch((error: unknown) => post({ kind: 'failed', error: packError(error) }))
  .finally(() => port.close())

async function read(): Promise<MachineReading> {
  const files: FileFaults = { incomplete: new Set(), wrong: new Set() }
  let found = files.incomplete
  const bad: BadChunk[] = []
  const onFault = (fault: ImageError): void => {
    found.add(fault.path ?? path)
    if (found === files.wrong && fault.offset !== undefined)
      bad.push({ offset: fault.offset, length: CHUNK_LENGTH })
  }
  const { signal } = stop
  await using machine = await openImage(path, { direct: true, signal, onFault })
  found = files.wrong
  let unsent = 0
  const send = (): void => {
    post({ kind: 'read', fileBytes: unsent })
    unsent = 0
  }
  const onRead = (bytes: number): void => {
    unsent += bytes
    if (unsent >= STEP) send()
  }
  try {
    return await readAll(machine, { signal, onRead }, files, bad)
  } finally {
    send()
  }
}

function readAll(
  { channels, stream, format }: SavedMachine,
  options: ReadingOptions,
  faults: FileFaults,
  bad: readonly BadChunk[],
): Promise<MachineReading> {
  if (stream !== undefined)
    return readStream(
      path,
      boundedStream(path, stream, () => maxStreamBytes),
      options,
      bad,
    )
  if (channels === undefined) throw new InternalError(`${path} has no streams`)
  const files = FORMATS[format].traits.files(path, channels.count).slice(1)
  return readChannels({ path, channels, files, faults }, options)
}

function post(answer: StreamAnswer): void {
  port.postMessage(answer)
}
