import { makeBlocking, receiveSome, waitReadable } from '../../io/sockets/blocking-socket.ts'
import { MULTIFD_PACKET_LENGTH } from '../../wire/multifd-packet.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WireError } from '../../wire/wire-error.ts'
import { PacketReceiver } from './packet-receiver.ts'
import { PagePacker } from './pack-pages.ts'
import { pageSpans } from './page-spans.ts'
import {
  type ReceiveAnswer,
  type ReceiveJob,
  type ReceiveThreadData,
  type ReceivedPacket,
  SLOT_LENGTH,
} from './receive-job.ts'
import { ReceiveState } from './receive-state.ts'
import { END, beginThread } from '../thread-port.ts'

/** Other threads may release their channels at any time, so check again after this time. */
const RECHECK_MS = 2

const IDLE_MS = 250

const { port, data } = beginThread<ReceiveThreadData>()
const { codec, channelCount, slotCount, ...memory } = data
const state = new ReceiveState(channelCount, slotCount, memory.state)
const packer = new PagePacker(codec, memory)
const receiver = new PacketReceiver()
/** How long this thread has waited for QEMU since its last packet. */
let waitedMs = 0
const scrap = Buffer.allocUnsafeSlow(65536)

port.on('message', (job: ReceiveJob | typeof END) => {
  if (job === END) return port.close()
  for (const fd of job.fds) makeBlocking(fd)
  receiveFrom(job.fds)
  post({ kind: 'done' })
})

function post(answer: ReceiveAnswer): void {
  port.postMessage(answer)
}

/** Takes packets from any channel that has one, until all have ended. */
function receiveFrom(fds: readonly number[]): void {
  for (;;) {
    const epoch = state.epoch()
    const idle = state.idleChannels()
    if (idle === undefined) return
    if (idle.length === 0) {
      state.waitForChange(epoch)
      continue
    }
    const waitMs = idle.length === fds.length ? IDLE_MS : RECHECK_MS
    const began = performance.now()
    const readable = waitReadable(
      idle.map((channel) => fds[channel] as number),
      waitMs,
    )
    waitedMs += performance.now() - began
    const channel = readable === undefined ? -1 : fds.indexOf(readable)
    if (channel >= 0 && state.takeChannel(channel)) serve(channel, fds[channel] as number)
  }
}

/** Returns when the channel is released or has ended. */
function serve(channel: number, fd: number): void {
  try {
    if (state.discarding) drop(channel, fd)
    else receive(channel, fd)
  } catch (error) {
    const wire = error instanceof WireError ? error : new WireError('corrupt', String(error), 0)
    const { kind: fault, message, offset } = wire
    state.discard()
    state.releaseChannel(channel)
    post({ kind: 'failed', fault, message, offset })
  }
}

function receive(channel: number, fd: number): void {
  if (state.openChannel(channel)) receiver.open(fd)
  const began = performance.now()
  const start = receiver.start(fd)
  if (start === undefined) return state.endChannel(channel)
  const { block, normalPages, zeroPages } = start
  const zeros = pageSpans(zeroPages)
  const bytes = MULTIFD_PACKET_LENGTH + normalPages.length * PAGE_SIZE
  if (normalPages.length === 0) {
    state.releaseChannel(channel)
    return post({
      kind: 'packet',
      channel,
      bytes,
      packet: {
        block,
        zeros,
        slot: undefined,
        pieces: [],
        work: undefined,
      },
    })
  }
  const beganToWait = performance.now()
  const slot = state.takeSlot()
  const slotMs = performance.now() - beganToWait
  if (slot === undefined) return state.releaseChannel(channel)
  const slotBytes = new Uint8Array(memory.slots, slot * SLOT_LENGTH, SLOT_LENGTH)
  const segments = receiver.pages(fd, start, slotBytes)
  // Before the work, so that another thread can continue to read.
  state.releaseChannel(channel)
  const beganToPack = performance.now()
  const { level } = state
  const pieces = packer.pack(segments, slot, level)
  const work = {
    sourceMs: waitedMs,
    slotMs,
    receiveMs: beganToPack - began - slotMs,
    packMs: performance.now() - beganToPack,
    bytes: segments.reduce((sum, { pageCount }) => sum + pageCount, 0) * PAGE_SIZE,
    storedBytes: pieces.reduce((sum, { length }) => sum + length, 0),
    level,
  }
  waitedMs = 0
  const packet: ReceivedPacket = { block, zeros, slot, pieces, work }
  post({ kind: 'packet', channel, bytes, packet })
}

function drop(channel: number, fd: number): void {
  if (receiveSome(fd, scrap) === 0) state.endChannel(channel)
  else state.releaseChannel(channel)
}
