import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { accept } from '../../../test/support/accept.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { UnixListener } from '../../io/sockets/unix-listener.ts'
import {
  MULTIFD_PACKET_PAGES,
  serialiseMultifdInit,
  serialiseMultifdPacket,
} from '../../wire/multifd-packet.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { ReceivedPacket } from './receive-job.ts'
import { Receivers } from './receivers.ts'

const PAGE = 4096

/** Text of 512 KiB, which keeps zlib's best level busy for long. */
const pages = Buffer.from(
  Array.from({ length: 60_000 }, (_, line) => `${(line * 2_654_435_761) % 1_000_003} line\n`).join(
    '',
  ),
).subarray(0, MULTIFD_PACKET_PAGES * PAGE)

function packet(number: number): Buffer {
  const place = { block: 'pc.ram', firstPage: number * MULTIFD_PACKET_PAGES }
  const header = serialiseMultifdPacket({ number, ...place, pageCount: MULTIFD_PACKET_PAGES })
  return Buffer.concat([header, pages])
}

/** Sends all this on a channel and ends it; returns the reports before `ended` settled. */
async function receiveAll(
  codec: 'none' | 'zlib',
  bytes: Uint8Array,
): Promise<readonly ReceivedPacket[]> {
  await using dir = await tempDir()
  using listener = UnixListener.open(dir.join('s'), 1)
  connect(dir.join('s'))
    .on('error', () => undefined)
    // The first word was read, to identify the channel.
    .end(bytes.subarray(4))
  const fd = await accept(listener.fd as number)
  const received: ReceivedPacket[] = []
  await using receivers = new Receivers(codec, 1)
  receivers.level = 9
  receivers.receive([fd], (one) => {
    received.push(one)
    if (one.slot !== undefined) receivers.releaseSlot(one.slot)
  })
  await receivers.ended
  return [...received]
}

const init = serialiseMultifdInit({ vmUuid: new Uint8Array(16), channel: 0 })

for (const codec of ['none', 'zlib'] as const) {
  test(`Receivers tell every packet before they say that the channels have ended (${codec})`, async () => {
    for (let round = 0; round < 5; round += 1) {
      const packets = Array.from({ length: 3 }, (_, number) => packet(number))
      const received = await receiveAll(codec, Buffer.concat([init, ...packets]))
      const firstPages = received.map(({ pieces }) => pieces[0]?.firstPage ?? -1)
      assert.deepEqual(
        firstPages.toSorted((a, b) => a - b),
        [0, 128, 256],
      )
    }
  })
}

test('Receivers reject when a channel ends in the middle of a packet', async () => {
  const cut = Buffer.concat([init, packet(0)]).subarray(0, 300_000)
  await assert.rejects(receiveAll('none', cut), WireError)
})
