import { createConnection } from 'node:net'
import { Readable, type Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { ReadStream, WriteStream } from 'node:tty'
import { storageError } from '../../io/storage-error.ts'
import { openTerminal } from '../../io/files/device-access.ts'
import { openLogToRead } from '../../io/records/log-file.ts'

const FOLLOW_MS = 100
/** How many of the bytes that are already in a file are shown. */
const FILE_TAIL_BYTES = 4096

/** The far end of a guest's serial port. */
export interface ConsoleStreams extends AsyncDisposable {
  /** The output of the guest. */
  readonly output: Readable
  /** The input of the guest; `undefined` if its output only goes to a file. */
  readonly input: Writable | undefined
}

/** Opens a pty for reading and writing. @throws StorageError */
export async function openPtyConsole(path: string): Promise<ConsoleStreams> {
  try {
    const handle = await openTerminal(path)
    const output = new ReadStream(handle.fd)
    const input = new WriteStream(handle.fd)
    output.setRawMode(true)
    return {
      output,
      input,
      async [Symbol.asyncDispose](): Promise<void> {
        output.destroy()
        input.destroy()
        await handle.close().catch(() => undefined)
      },
    }
  } catch (error) {
    throw storageError('open the console', path, error)
  }
}

/** Connects to a unix socket for reading and writing. @throws StorageError */
export async function openSocketConsole(path: string): Promise<ConsoleStreams> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = createConnection({ path }, resolve)
  socket.once('error', (error) => reject(storageError('connect to the console', path, error)))
  await promise
  socket.on('error', () => undefined)
  return {
    output: socket,
    input: socket,
    async [Symbol.asyncDispose](): Promise<void> {
      socket.destroy()
    },
  }
}

/** Follows a growing file, starting a little before its end. @throws StorageError */
export async function openFileConsole(path: string): Promise<ConsoleStreams> {
  const handle = await openLogToRead(path)
  const end = new AbortController()
  let begun = false
  const output = Readable.from(follow(), { objectMode: false })
  return {
    output,
    input: undefined,
    async [Symbol.asyncDispose](): Promise<void> {
      end.abort()
      output.destroy()
      // A generator that was never read never reaches its own disposal.
      if (!begun) await handle.close()
    },
  }

  async function* follow(): AsyncGenerator<Buffer> {
    begun = true
    await using file = handle
    const buffer = Buffer.alloc(65536)
    let position = Math.max(0, (await file.stat()).size - FILE_TAIL_BYTES)
    while (!end.signal.aborted) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
      position += bytesRead
      if (bytesRead > 0) yield Buffer.from(buffer.subarray(0, bytesRead))
      else await delay(FOLLOW_MS, undefined, { signal: end.signal }).catch(() => undefined)
    }
  }
}
