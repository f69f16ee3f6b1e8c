import { writeSpool } from '../../io/files/spool-file.ts'
import { makeBlocking, prepareReading, receiveSome } from '../../io/sockets/blocking-socket.ts'
import { END, beginThread } from '../thread-port.ts'
import type { IntakeAnswer, IntakeJob, IntakeThreadData } from './intake-job.ts'
import { IntakeState } from './intake-state.ts'
import { Ring } from './ring.ts'

/** With less free memory than this, bytes go to the spool: small reads would cost QEMU more time. */
const LEAST_FREE = 64 * 1024

/** The most that is taken at once. */
const MOST = 1024 * 1024

const { port, data } = beginThread<IntakeThreadData>()
const state = new IntakeState(data.state)
const memory = new Ring(data.memoryLength)
const spool = new Ring(data.spool?.length ?? 0)
const scratch = Buffer.allocUnsafeSlow(MOST)
const idle = new Int32Array(new SharedArrayBuffer(4))

port.on('message', (job: IntakeJob | typeof END) => {
  if (job === END) return port.close()
  try {
    makeBlocking(job.fd)
    takeAll(job.fd)
  } catch (error) {
    state.discard()
    const { code, message } = error as NodeJS.ErrnoException
    post({ kind: 'failed', code, message })
    drop(job.fd)
  }
  post({ kind: 'end' })
})

prepareReading()
post({ kind: 'prepared' })

function post(answer: IntakeAnswer): void {
  port.postMessage(answer)
}

/** QEMU must never wait for anything but this loop: the guest waits with it. */
function takeAll(fd: number): void {
  for (;;) {
    if (state.discarding) return drop(fd)
    if (mustWait()) continue
    const restarted = memory.restart(state.tail('memory'))
    if (restarted !== undefined) state.setTail('memory', restarted)
    const tail = state.tail('memory')
    const fits = memory.free(tail) >= LEAST_FREE
    const { at, length: room } = memory.place(tail)
    const target = fits ? new Uint8Array(data.memory, at, Math.min(room, MOST)) : scratch
    const length = receiveSome(fd, target)
    if (length === 0) return
    if (length === undefined) continue
    if (fits) post({ kind: 'piece', store: 'memory', ...memory.take(length) })
    else if (!keep(scratch.subarray(0, length))) {
      state.discard()
      post({ kind: 'full' })
    }
  }
}

const RECHECK_MS = 1

/** Waits a moment if so much is not processed yet that the sender shall wait; returns whether it did. */
function mustWait(): boolean {
  const { backlogBytes } = data
  if (backlogBytes === undefined) return false
  const free = memory.free(state.tail('memory')) + spool.free(state.tail('spool'))
  const backlog = memory.length + spool.length - free
  // What is taken next may need a place in each ring.
  const fits = free >= MOST + LEAST_FREE
  if (fits && (state.hurried || backlog <= backlogBytes)) return false
  Atomics.wait(idle, 0, 0, RECHECK_MS)
  return true
}

/** Writes bytes to the spool; `false` if they do not fit. */
function keep(bytes: Uint8Array): boolean {
  if (data.spool === undefined || spool.free(state.tail('spool')) < bytes.length) return false
  for (let done = 0; done < bytes.length;) {
    const { at, length } = spool.place(state.tail('spool'))
    const part = bytes.subarray(done, done + length)
    writeSpool(data.spool.fd, part, at)
    post({ kind: 'piece', store: 'spool', ...spool.take(part.length) })
    done += part.length
  }
  return true
}

function drop(fd: number): void {
  while (receiveSome(fd, scratch) !== 0);
}
