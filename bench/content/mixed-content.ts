import { randomBytes } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'

const RUN_LENGTH = 65536
const WORDS =
  'kernel systemd session opened for user root by cron sshd Accepted publickey port usb device link up eth0 error timeout connection closed GET /api/v1/items HTTP/1.1 200 disk queue request cache miss'.split(
    ' ',
  )

/** Makes content for the RAM of a guest: runs of 64 KiB that are random bytes and log lines in turn. */
export function makeMixedContent(path: string, length: number): void {
  const text = logLines(16 * 1024 * 1024)
  const random = randomBytes(64 * 1024 * 1024)
  const file = openSync(path, 'w', 0o600)
  for (let run = 0; run * RUN_LENGTH < length; run += 1) {
    const source = run % 2 === 0 ? random : text
    // No run is repeated, so that finding repetitions gains nothing.
    const from = (run * RUN_LENGTH + Math.floor(run / 7) * 4099) % (source.length - RUN_LENGTH)
    writeSync(file, source, from, RUN_LENGTH)
  }
  closeSync(file)
}

function logLines(length: number): Buffer {
  let state = 20221107
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const lines: string[] = []
  let total = 0
  let seconds = 1_700_000_000
  while (total < length) {
    seconds += random(3)
    const words = Array.from({ length: 4 + random(10) }, () => WORDS[random(WORDS.length)])
    const line = `${new Date(seconds * 1000).toISOString()} host${random(9)} ${WORDS[random(WORDS.length)]}[${random(30000)}]: ${words.join(' ')}\n`
    lines.push(line)
    total += line.length
  }
  return Buffer.from(lines.join(''), 'latin1').subarray(0, length)
}
