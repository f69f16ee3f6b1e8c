import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { note } from './journal.ts'
import { pathOf } from './file-calls.ts'
import { callers } from './place.ts'
import { consult, faultError, isPlanned } from './plan.ts'

type Call = (...args: unknown[]) => unknown

/** What Stasis opened a socket for. */
interface Origin {
  readonly lines: string
  readonly path: string
}

const require = createRequire(import.meta.url)
const origins = new WeakMap<object, Origin>()
const ended = new WeakSet<object>()

/** Puts the layer before the sockets of `node:net`: monitors, the guest agent, channels whose descriptors were handed to Node. */
export function replaceSocketCalls(): void {
  const net = require('node:net') as { Socket: (new (...args: unknown[]) => Socket) & Call }
  const prototype = net.Socket.prototype as unknown as Record<string, Call>
  const { connect, push, _writeGeneric: write } = prototype
  if (connect === undefined || push === undefined || write === undefined)
    throw new Error('this Node has other sockets: the fault layer does not fit')

  prototype['connect'] = function (this: Socket, ...args: unknown[]) {
    const [given] = args.flat() as [{ path?: string } | undefined]
    const path = given?.path ?? 'socket'
    remember(this, path)
    const fault = consult('connect', () => path)
    if (fault === undefined || fault === 'SHORT' || fault === 'ZERO')
      return connect.apply(this, args)
    process.nextTick(() => this.destroy(faultError('connect', fault, path)))
    return this
  }

  prototype['push'] = function (this: Socket, piece: unknown, ...more: unknown[]) {
    if (ended.has(this)) return false
    const origin = origins.get(this)
    if (!isPlanned || origin === undefined || piece === null) return push.call(this, piece, ...more)
    const fault = consult('receive', () => origin.path, origin.lines)
    const bytes = piece as Buffer
    if (fault === 'SHORT' && bytes.length > 1) {
      push.call(this, bytes.subarray(0, 1), ...more)
      return push.call(this, bytes.subarray(1), ...more)
    }
    if (fault === undefined || fault === 'SHORT') return push.call(this, piece, ...more)
    ended.add(this)
    if (fault === 'ZERO') return push.call(this, null)
    this.destroy(faultError('read', fault, origin.path))
    return false
  }

  prototype['_writeGeneric'] = function (this: Socket, ...args: unknown[]) {
    noteCommand(args[1])
    const path = origins.get(this)?.path
    // Standard output is a socket, too, if it is a pipe.
    const fault = path === undefined ? undefined : consult('send', () => path)
    if (path === undefined || fault === undefined || fault === 'SHORT' || fault === 'ZERO')
      return write.apply(this, args)
    const done = args.at(-1) as (error: Error) => void
    process.nextTick(() => done(faultError('write', fault, path)))
    return undefined
  }

  net.Socket = new Proxy(net.Socket, {
    construct(target, args: unknown[], newTarget): object {
      const socket = Reflect.construct(target, args, newTarget) as Socket
      const [options] = args as [{ fd?: number } | undefined]
      if (options?.fd !== undefined) remember(socket, pathOf(options.fd))
      return socket
    },
  })
}

function remember(socket: object, path: string): void {
  const lines = isPlanned ? callers() : undefined
  if (lines !== undefined) origins.set(socket, { lines, path })
}

/** The order of a `cont` or `quit` and the changes of files decides what a power cut may cost. */
function noteCommand(data: unknown): void {
  if (typeof data !== 'string') return
  const [, name] = /"(?:execute|exec-oob)":\s*"([\w-]+)"/.exec(data) ?? []
  if (name !== undefined) note({ act: 'command', name })
}
