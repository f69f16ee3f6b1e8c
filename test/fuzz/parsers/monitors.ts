import * as fc from 'fast-check'
import { rmSync } from 'node:fs'
import { type Server, type Socket, createServer } from 'node:net'
import { join } from 'node:path'
import { migrationBlockers, runState } from '../../../src/migration/run-state.ts'
import { progressOf } from '../../../src/migration/progress.ts'
import { GuestAgent } from '../../../src/qemu/programs/guest-agent.ts'
import { QmpConnection } from '../../../src/qmp/connection.ts'
import type { Bench, FuzzParser } from '../parser.ts'
import { jsonShapes } from '../shapes.ts'

const GREETING = {
  QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 }, package: '' }, capabilities: ['oob'] },
}
const STATUS = { return: { status: 'running', running: true }, id: 0 }
const RAM = {
  transferred: 1,
  remaining: 2,
  total: 3,
  duplicate: 4,
  normal: 5,
  'page-size': 4096,
  'dirty-sync-count': 1,
}
const MIGRATE = {
  return: { status: 'active', 'total-time': 3, ram: RAM, 'blocked-reasons': ['no'] },
  id: 0,
}
const EVENT = { event: 'STOP', data: { a: 1 }, timestamp: { seconds: 1, microseconds: 2 } }
const ERROR = { error: { class: 'GenericError', desc: 'no' }, id: 0 }

const CONVERSATIONS: readonly (readonly unknown[])[] = [
  [GREETING, { return: {}, id: 0 }, STATUS, EVENT, MIGRATE, MIGRATE],
  [EVENT, GREETING, { return: {}, id: 0 }, ERROR, ERROR],
]

/** A server on a unix socket of the lane, of which each connection is another conversation. */
class Peer {
  readonly path: string
  readonly #server: Server
  #serve: (socket: Socket) => void = (socket) => void socket.destroy()

  private constructor(path: string) {
    this.path = path
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined)
      this.#serve(socket)
    })
  }

  static async start({ directory }: Bench, name: string): Promise<Peer> {
    const peer = new Peer(join(directory, name))
    rmSync(peer.path, { force: true })
    await new Promise<void>((resolve) => void peer.#server.listen(peer.path, resolve))
    peer.#server.unref()
    return peer
  }

  next(serve: (socket: Socket) => void): void {
    this.#serve = serve
  }
}

/**
 * Answers with the lines of an input: the first at once, then one more for each command; events follow at once. The number 0 as an id becomes that of
 * the command. It hangs up 20 ms after the first answer.
 */
function converse(lines: readonly Buffer[], socket: Socket): void {
  let at = 0
  const say = (id: string): void => {
    for (let more = true; more && at < lines.length; at += 1) {
      const line = (lines[at] ?? Buffer.alloc(0)).toString('latin1')
      more = line.includes('"event"')
      socket.write(Buffer.from(`${line.replace(/"id": ?0/, `"id":${id}`)}\n`, 'latin1'))
    }
    endSoon(socket)
  }
  say('0')
  let text = ''
  socket.on('data', (data: Buffer) => {
    const commands = (text + data.toString('latin1')).split('\n')
    text = commands.pop() ?? ''
    for (const command of commands) say(/"id":(-?\d+)/.exec(command)?.[1] ?? '0')
  })
}

function linesOf(input: Uint8Array): readonly Buffer[] {
  return Buffer.from(input)
    .toString('latin1')
    .split('\n')
    .slice(0, 30)
    .map((line) => Buffer.from(line, 'latin1'))
}

function conversation(messages: readonly unknown[]): Uint8Array {
  return Buffer.from(messages.map((message) => JSON.stringify(message)).join('\n'))
}

function conversations(all: readonly (readonly unknown[])[]): fc.Arbitrary<Uint8Array> {
  return fc
    .constantFrom(...all)
    .chain((messages) =>
      fc
        .tuple(
          ...messages.map((message) =>
            fc.oneof(
              { weight: 3, arbitrary: fc.constant(conversation([message])) },
              { weight: 1, arbitrary: jsonShapes([message]) },
            ),
          ),
        )
        .map((lines) => Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))),
    )
}

let monitor: Peer | undefined

/** The monitor of a QEMU: greeting, answers, events. */
const qmpParser: FuzzParser = {
  name: 'qmp',
  seeds: () => CONVERSATIONS.map(conversation),
  shapes: () => conversations(CONVERSATIONS),
  words: [
    '"id":0',
    '"return":',
    '"error":null',
    '"event":',
    '"timestamp":',
    '"QMP":',
    '{"toString":1}',
    '\r\n',
    'null',
    '9223372036853727232',
  ],
  run: async (input, bench) => {
    monitor ??= await Peer.start(bench, 'qmp')
    monitor.next((socket) => converse(linesOf(input), socket))
    await using qmp = await QmpConnection.connect(monitor.path, { timeoutMs: 500 })
    const limits = { timeoutMs: 500 }
    using events = qmp.listenAny('STOP', 'MIGRATION')
    await runState(qmp, limits)
    progressOf(await qmp.execute('query-migrate', {}, limits))
    await migrationBlockers(qmp, limits)
    await events.next({ timeoutMs: 1 })
  },
}

let agentPeer: Peer | undefined

const AGENT = [
  [{ return: 0 }, { return: { pong: 1 } }],
  [{ return: 0 }, { error: { class: 'GenericError', desc: 'no' } }],
]

/** The agent inside a guest, which says what the guest wants. */
const agentParser: FuzzParser = {
  name: 'guest-agent',
  seeds: () => AGENT.map(conversation),
  shapes: () => conversations(AGENT),
  words: ['{"return":0}', '\xff', '{"error":null}', '{"error":{}}', 'null', '\n'],
  run: async (input, bench) => {
    agentPeer ??= await Peer.start(bench, 'agent')
    agentPeer.next((socket) => converseAsAgent(linesOf(input), socket))
    using agent = await GuestAgent.connect(agentPeer.path)
    await agent.execute('guest-ping')
  },
}

/** As `converse`, with the number that the client chose for its first answer. */
function converseAsAgent(lines: readonly Buffer[], socket: Socket): void {
  let at = 0
  socket.on('data', (data: Buffer) => {
    const id = /"id":(-?\d+)/.exec(data.toString('latin1'))?.[1] ?? '0'
    const line = (lines[at] ?? Buffer.alloc(0)).toString('latin1')
    at += 1
    socket.write(Buffer.from(`${line.replace('"return":0', `"return":${id}`)}\n`, 'latin1'))
    endSoon(socket)
  })
}

/** Hangs up if nothing more is asked: a client that got a wrong answer would wait for a right one. */
function endSoon(socket: Socket): void {
  setTimeout(() => socket.end(), 20).unref()
}

/** What answers over sockets. */
export const monitorParsers: readonly FuzzParser[] = [qmpParser, agentParser]
