import { EventEmitter } from 'node:events'
import { createConnection as connectSocket } from 'node:net'
import { getSystemErrorName } from 'node:util'

/**
 * `node:net` for the verbs that only look. Their one connection, to the monitor of a QEMU, uses the pipe of Node below `net.Socket`, because `node:net` and
 * the streams that it loads take a third of such a command (notes/node/start-up.md). All else is `node:net` itself, loaded at its first use.
 */
export { Socket, connect, createServer, isIPv4 } from 'node:net'

/** The version of Node whose pipes work as this file expects: they are not a public interface. Others use `node:net`. */
const KNOWN_NODE = '24.'

/** As `createConnection` of `node:net` for the path of a unix socket, with the events and methods that `src/qmp/transport.ts` uses. */
export function createConnection(options: { readonly path: string }): EventEmitter {
  const pipes = process.versions.node.startsWith(KNOWN_NODE) ? nodePipes() : undefined
  return pipes === undefined ? connectSocket(options) : new MonitorSocket(pipes, options.path)
}

class MonitorSocket extends EventEmitter {
  readonly #pipes: NodePipes
  readonly #pipe: Pipe
  #isOpen = true

  constructor(pipes: NodePipes, path: string) {
    super()
    this.#pipes = pipes
    this.#pipe = new pipes.Pipe(pipes.constants.SOCKET)
    this.#pipe.onread = (bytes) => this.#read(bytes)
    const request = new pipes.PipeConnectWrap()
    request.oncomplete = (status) => {
      if (status < 0) this.destroy(failure('connect', status, path))
      else if (this.#isOpen) this.emit('connect')
    }
    const status = this.#pipe.connect(request, path)
    if (status < 0) process.nextTick(() => this.destroy(failure('connect', status, path)))
  }

  /** Nothing is read before `resume`. */
  pause(): void {
    if (this.#isOpen) this.#pipe.readStop()
  }

  resume(): void {
    if (this.#isOpen) this.#pipe.readStart()
  }

  write(text: string): void {
    if (!this.#isOpen) return
    const request = new this.#pipes.WriteWrap()
    request.oncomplete = (status) => {
      if (status < 0) this.destroy(failure('write', status))
    }
    const status = this.#pipe.writeUtf8String(request, text)
    if (status < 0) process.nextTick(() => this.destroy(failure('write', status)))
  }

  destroy(reason?: Error): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (reason !== undefined) this.emit('error', reason)
    this.#pipe.close(() => this.emit('close'))
  }

  #read(bytes: ArrayBuffer | undefined): void {
    const { streamBaseState: state, kReadBytesOrError, kArrayBufferOffset } = this.#pipes
    const length = state[kReadBytesOrError] ?? 0
    if (length > 0 && bytes !== undefined && this.#isOpen)
      this.emit('data', Buffer.from(bytes, state[kArrayBufferOffset] ?? 0, length))
    else if (length < 0)
      this.destroy(getSystemErrorName(length) === 'EOF' ? undefined : failure('read', length))
  }
}

/** Pipes of Node (`src/pipe_wrap.cc`, `src/stream_base.cc` of Node 24). A status below 0 is an error of libuv. */
interface NodePipes {
  readonly constants: { readonly SOCKET: number }
  readonly Pipe: new (type: number) => Pipe
  readonly PipeConnectWrap: new () => Request
  readonly WriteWrap: new () => Request
  /** Facts about the last read, at the places that the following say. */
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kArrayBufferOffset: number
}

interface Pipe {
  onread: (bytes: ArrayBuffer | undefined) => void
  connect(request: Request, path: string): number
  readStart(): number
  readStop(): number
  writeUtf8String(request: Request, text: string): number
  close(closed: () => void): void
}

interface Request {
  oncomplete: (status: number) => void
}

/** The members of `process` that are needed for its pipes, and missing in its types. */
interface InnerProcess {
  noDeprecation?: boolean
  readonly binding: (name: string) => object
}

/** `undefined` where programs may not use them, as with `node --permission`. */
function nodePipes(): NodePipes | undefined {
  const inner = process as unknown as InnerProcess
  const { noDeprecation = false } = inner
  inner.noDeprecation = true
  try {
    return { ...inner.binding('stream_wrap'), ...inner.binding('pipe_wrap') } as NodePipes
  } catch {
    return undefined
  } finally {
    inner.noDeprecation = noDeprecation
  }
}

function failure(syscall: string, status: number, address?: string): Error {
  const code = getSystemErrorName(status)
  const message = [syscall, code, address].filter((part) => part !== undefined).join(' ')
  return Object.assign(new Error(message), { code, errno: status, syscall, address })
}
