import { Socket } from 'node:net'
import { CancelledError, InternalError, QemuError, throwIfCancelled } from '../errors.ts'
import type { QmpArguments, QmpCommandName, QmpReturn } from './commands.ts'
import { QmpEventListener, readEvent, type QmpEventName } from './events.ts'
import { decodeMessage, encodeMessage } from './json.ts'
import { QmpLost } from './lost.ts'
import { PendingCalls } from './pending-calls.ts'
import type { VersionInfo } from './replies.ts'
import { LineTransport, connectSocket, monitorBusy } from './transport.ts'

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000

/** Bounds of a connection. */
export interface QmpConnectOptions {
  readonly signal?: AbortSignal | undefined
  /** How long the greeting may take. */
  readonly timeoutMs?: number | undefined
  /** Returns the last lines that QEMU wrote. Called when its monitor closes during a call. */
  readonly processTail?: (() => string) | undefined
  /** Negotiate out-of-band commands, which QEMU executes while its main thread is busy or stuck: `executeOutOfBand`. */
  readonly outOfBand?: boolean | undefined
  /**
   * Do not wait for the answer to the negotiation: QEMU executes commands in their order, so the first one can follow at once. A QEMU that has just been
   * started greets before its machine is complete, so this is only for one that runs.
   */
  readonly eager?: boolean | undefined
}

/** Bounds of one call. QEMU executes a command that it has received even when nothing waits for the answer any more. */
export interface QmpCallOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

type Parameters<N extends QmpCommandName> =
  Record<string, never> extends QmpArguments<N>
    ? [args?: QmpArguments<N>, options?: QmpCallOptions]
    : [args: QmpArguments<N>, options?: QmpCallOptions]

/**
 * One client of a QMP monitor (protocol: QEMU docs/interop/qmp-spec). Disposing it closes the connection.
 * @example
 * await using qmp = await QmpConnection.connect('/run/vm/qmp.sock')
 * const { status } = await qmp.execute('query-status')
 * using events = qmp.listen('SHUTDOWN')
 * await qmp.execute('system_powerdown')
 * await events.next({ timeoutMs: 60_000 })
 */
export class QmpConnection implements AsyncDisposable {
  readonly #path: string
  readonly #processTail: (() => string) | undefined
  readonly #calls: PendingCalls
  readonly #listeners = new Set<QmpEventListener<string>>()
  readonly #greeted = Promise.withResolvers<VersionInfo>()
  readonly #closed = Promise.withResolvers<Error>()
  #transport: LineTransport | undefined
  #state: 'connecting' | 'ready' | 'closed' = 'connecting'
  #version: VersionInfo | undefined
  #end: Error | undefined

  private constructor(
    path: string,
    processTail: (() => string) | undefined,
    options: { readonly negotiated?: boolean } = {},
  ) {
    this.#path = path
    this.#processTail = processTail
    this.#calls = new PendingCalls({ strayAnswers: options.negotiated })
    this.#greeted.promise.catch(() => undefined)
  }

  /**
   * Connects to a monitor and negotiates.
   * @throws QemuError QEMU_DIED when nothing listens there, QEMU_BUSY when no greeting comes within `timeoutMs` (a monitor serves one client at a time), QEMU_STREAM when the peer
   * does not speak QMP; UsageError PATH_TOO_LONG; CancelledError
   * @example
   * await using qmp = await QmpConnection.connect('/run/vm/qmp.sock', { timeoutMs: 1000 })
   */
  static async connect(path: string, options: QmpConnectOptions = {}): Promise<QmpConnection> {
    const { signal, timeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = options
    const deadline = performance.now() + timeoutMs
    const socket = await connectSocket(path, deadline, signal)
    return QmpConnection.#negotiate(socket, path, {
      ...options,
      timeoutMs: deadline - performance.now(),
    })
  }

  /**
   * Negotiates on a descriptor that is already connected to a monitor, and takes ownership of it; messages use `name` as its path. Throws as
   * `connect`.
   * @internal
   */
  static async onDescriptor(
    fd: number,
    name: string,
    options: QmpConnectOptions = {},
  ): Promise<QmpConnection> {
    return QmpConnection.#negotiate(adopted(fd), name, options)
  }

  /**
   * Continues a connection that another process negotiated. Answers to that process are ignored, and QEMU's version is not known.
   * @internal
   */
  static takeOver(fd: number, name: string): QmpConnection {
    const connection = new QmpConnection(name, undefined, { negotiated: true })
    connection.#state = 'ready'
    let first = true
    connection.#transport = new LineTransport(adopted(fd), name, {
      line: (line) => {
        try {
          connection.#receive(line)
        } catch (error) {
          // The process before us may have read the beginning of this line.
          if (!first) throw error
        } finally {
          first = false
        }
      },
      closed: (reason) => connection.#finish(reason),
    })
    return connection
  }

  static async #negotiate(
    socket: Socket,
    path: string,
    options: QmpConnectOptions,
  ): Promise<QmpConnection> {
    const { signal, timeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = options
    const connection = new QmpConnection(path, options.processTail)
    connection.#transport = new LineTransport(socket, path, {
      line: (line) => connection.#receive(line),
      closed: (reason) => connection.#finish(reason),
    })
    const end = (reason: Error): void => connection.#abandon(reason)
    const timer = setTimeout(() => end(monitorBusy(path)), Math.max(1, timeoutMs))
    const onAbort = (): void => end(new CancelledError(`connect to ${path}`, signal?.reason))
    signal?.addEventListener('abort', onAbort)
    try {
      throwIfCancelled(`connect to ${path}`, signal)
      connection.#version = await connection.#greeted.promise
      connection.#state = 'ready'
      const negotiated = connection.executeAny(
        'qmp_capabilities',
        options.outOfBand === true ? { enable: ['oob'] } : undefined,
      )
      if (options.eager === true)
        negotiated.catch((error: Error) => {
          connection.#abandon(error)
        })
      else await negotiated
      return connection
    } catch (error) {
      await connection.close()
      throw error
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Whether it can be used. */
  get state(): 'connecting' | 'ready' | 'closed' {
    return this.#state
  }

  /** The path of the monitor's socket. */
  get path(): string {
    return this.#path
  }

  /** QEMU's version from its greeting. Features are probed, never derived from this. */
  get version(): VersionInfo {
    if (this.#version === undefined) throw new InternalError('QMP version read before the greeting')
    return this.#version
  }

  /** Resolves with the reason when the connection is over; never rejects. */
  get closed(): Promise<Error> {
    return this.#closed.promise
  }

  /**
   * The last lines that QEMU wrote; empty when the connection was given no `processTail`.
   * @internal
   */
  lastWords(): string {
    return this.#processTail?.().trim() ?? ''
  }

  /**
   * Sends a command and waits for its result.
   * @throws QmpRefusal (QEMU_REFUSED); QmpLost (QEMU_DIED) with QEMU's last lines when its monitor closes; QemuError QEMU_TIMEOUT, QEMU_STREAM; CancelledError
   * @example
   * const { status } = await qmp.execute('query-status')
   */
  execute<N extends QmpCommandName>(command: N, ...rest: Parameters<N>): Promise<QmpReturn<N>> {
    const [args, options] = rest
    return this.#call(command, args, options)
  }

  /**
   * `execute` for a command that has no entry in `QmpCommands`.
   * @throws the errors of `execute`
   * @example
   * await qmp.executeAny('screendump', { filename: '/tmp/screen.ppm' }, { timeoutMs: 5000 })
   */
  executeAny(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: QmpCallOptions,
  ): Promise<unknown> {
    return this.#call(command, args, options)
  }

  /**
   * Sends one of the few commands that QEMU executes ahead of all others, even while its main thread is stuck (QEMU docs/interop/qmp-spec,
   * "Out-of-band execution"): `migrate-recover`, `migrate-pause`, `yank`. The connection must have been made with `outOfBand`.
   * @throws the errors of `execute`
   * @example
   * await qmp.executeOutOfBand('yank', { instances: [{ type: 'migration' }] })
   */
  executeOutOfBand(
    command: 'migrate-recover' | 'migrate-pause' | 'yank',
    args?: Readonly<Record<string, unknown>>,
    options?: QmpCallOptions,
  ): Promise<unknown> {
    return this.#call(command, args, options, 'exec-oob')
  }

  /**
   * Opens a queue of the named events. It receives every event from now on.
   * @example
   * using events = qmp.listen('STOP', 'RESUME')
   * await qmp.execute('stop')
   * const event = await events.next({ timeoutMs: 1000 })
   */
  listen<N extends QmpEventName>(...names: readonly N[]): QmpEventListener<N> {
    return this.#listen(names)
  }

  /**
   * `listen` for events that have no entry in `QmpEventData`.
   * @example
   * using events = qmp.listenAny('VNC_CONNECTED', 'VNC_DISCONNECTED')
   * for await (const { name, data } of events) console.log(name, data?.['client'])
   */
  listenAny(...names: readonly string[]): QmpEventListener<string> {
    return this.#listen(names)
  }

  /**
   * Closes the connection, so that the next client can use the monitor; QEMU continues. Pending calls fail with `CancelledError`.
   * @example
   * await qmp.close()
   */
  async close(): Promise<void> {
    this.#abandon(
      new CancelledError(`use the monitor at ${this.#path}`, 'the connection was closed'),
    )
    await this.#closed.promise
  }

  /** `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #listen<N extends string>(names: readonly N[]): QmpEventListener<N> {
    const listener = new QmpEventListener<N>(names, () => this.#listeners.delete(untyped))
    const untyped = listener as unknown as QmpEventListener<string>
    if (this.#end === undefined) this.#listeners.add(untyped)
    else listener.end(this.#end)
    return listener
  }

  #call(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    options: QmpCallOptions | undefined,
    how: 'execute' | 'exec-oob' = 'execute',
  ): Promise<unknown> {
    const site: { stack?: string } = {}
    Error.captureStackTrace(site)
    if (this.#state !== 'ready') {
      return Promise.reject(
        this.#end ?? new InternalError(`QMP command ${command} sent to a ${this.#state} monitor`),
      )
    }
    if (options?.signal?.aborted === true) {
      return Promise.reject(new CancelledError(command, options.signal.reason))
    }
    const { id, result } = this.#calls.add(command, site, options)
    const some = args !== undefined && Object.keys(args).length > 0
    this.#transport?.send(encodeMessage({ [how]: command, arguments: some ? args : undefined, id }))
    return result
  }

  #receive(line: string): void {
    const message = decodeMessage(line, this.#path)
    // QEMU sends events that occur while it accepts the connection before its greeting (10.0, on a busy machine).
    if (this.#state === 'connecting' && !('event' in message)) return this.#greet(message)
    if ('event' in message) {
      const event = readEvent(message)
      for (const listener of this.#listeners) listener.offer(event)
      return
    }
    this.#calls.settle(message)
  }

  #greet(message: Record<string, unknown>): void {
    const version = (message['QMP'] as { version?: VersionInfo } | undefined)?.version
    if (typeof version?.qemu?.major !== 'number') {
      throw new QemuError(
        'QEMU_STREAM',
        `The program that listens on ${this.#path} does not speak QMP`,
        {
          path: this.#path,
        },
      )
    }
    this.#greeted.resolve(version)
  }

  #abandon(reason: Error): void {
    this.#end ??= reason
    this.#state = 'closed'
    this.#transport?.destroy()
  }

  #finish(cause: Error | undefined): void {
    this.#state = 'closed'
    const end = (this.#end ??=
      cause instanceof QemuError ? cause : new QmpLost(this.#path, this.lastWords(), { cause }))
    this.#greeted.reject(end)
    this.#calls.failAll(end)
    for (const listener of this.#listeners) listener.end(end)
    this.#listeners.clear()
    this.#closed.resolve(end)
  }
}

function adopted(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: true })
}
