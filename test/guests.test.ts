import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { startBareQemu } from './support/bare-qemu.ts'
import { GuestConsole, waitForLine } from './support/guest-console.ts'
import { computeFillSum, computeTinySum } from './support/guest-memory.ts'
import { guestArgv, guestPaths } from './support/guests.ts'
import { kvmWorks } from './support/kvm.ts'
import { newestQemu, qemus } from './support/qemus.ts'
import { tempDir } from './support/temp-dir.ts'

const BARE = ['-machine', 'q35', '-display', 'none', '-nodefaults', '-no-reboot']

test('tinySum is the checksum of the generated content', () => {
  assert.equal(guestPaths().tinySum, computeTinySum())
})

test(
  "qemus() has QEMU 10 beside the distribution's",
  { skip: process.env['STASIS_WITHOUT_QEMU10'] !== undefined },
  () => {
    const majors = qemus().map(({ major }) => major)
    assert.ok(
      majors.some((major) => major >= 10),
      `found only QEMU ${majors.join(', ')}; sh scripts/qemu-10 says why`,
    )
  },
)

for (const { label, emulator } of newestQemu()) {
  describe(`QEMU ${label}`, () => {
    test('the tiny guest counts without a gap and finds its checksum right', async () => {
      await using dir = await tempDir()
      const log = dir.join('serial')
      const argv = [...BARE, '-accel', 'tcg', '-m', '16', '-serial', `file:${log}`]
      await using _qemu = await startBareQemu(emulator, [...argv, ...guestArgv('tiny')])
      await waitForLine(log, /^CNT 0000000a SUM /)
      const lines = (await readFile(log, 'latin1')).split('\r\n').slice(0, 10)
      const expected = lines.map(
        (_, i) => `CNT 0000000${(i + 1).toString(16)} SUM ${guestPaths().tinySum}`,
      )
      assert.deepEqual(lines, expected)
    })

    test('the Linux guest ticks, fills memory with a known mix and keeps it while it writes', async () => {
      await using dir = await tempDir()
      const [socket, disk] = [dir.join('serial'), dir.join('disk')]
      await writeFile(disk, '')
      await truncate(disk, 1 << 20)
      await using qemu = await startBareQemu(emulator, [
        ...BARE,
        '-accel',
        'tcg',
        '-m',
        '128',
        '-serial',
        `unix:${socket},server=on,wait=off`,
        '-drive',
        `if=virtio,format=raw,file=${disk}`,
        '-netdev',
        'user,id=n',
        '-device',
        'virtio-net-pci,netdev=n',
        ...guestArgv('linux'),
      ])
      await using guest = await GuestConsole.connect(socket)
      await guest.waitForLine(/^TICK 1$/)
      assert.deepEqual([...(await guest.ask('fill 24 7', /^FILLED (.*)/))].slice(1), [
        computeFillSum(24, 7),
      ])
      await guest.ask('write 8', /^WRITING 8$/)
      const [, before] = await guest.ask('uptime', /^UPTIME (.*)/)
      await guest.waitForLine(/^TICK /)
      const [, passes] = await guest.ask('quiet', /^QUIET ([0-9a-f]{8}) ok$/)
      assert.ok(Number.parseInt(passes ?? '', 16) > 0)
      const [, after] = await guest.ask('uptime', /^UPTIME (.*)/)
      assert.ok(Number(after) > Number(before))
      const [, date] = await guest.ask('date', /^DATE (.*)/)
      assert.ok(Math.abs(Number(date) - Date.now() / 1000) < 60)
      await guest.ask('sum', new RegExp(`^SUM ${computeFillSum(24, 7)}$`))
      await assert.rejects(guest.ask('sing', /^SUNG/), /ERR no such command: sing/)

      const ticks = guest.lines.filter((line) => line.startsWith('TICK '))
      assert.deepEqual(
        ticks,
        ticks.map((_, i) => `TICK ${i + 1}`),
      )
      assert.match(await readFile(disk, 'latin1'), /^TICK \d+ +\n/)
      assert.equal(qemu.stderr(), '')
    })
  })
}

test('GuestConsole reads and writes a pty', async () => {
  await using qemu = await startBareQemu(qemus()[0]!.emulator, [
    ...BARE,
    '-accel',
    'tcg',
    '-m',
    '128',
    '-serial',
    'pty',
    ...guestArgv('linux'),
  ])
  await using guest = GuestConsole.openPty(await ptyOf(qemu.pid))
  await guest.waitForLine(/^TICK /)
  await guest.ask('uptime', /^UPTIME /)
})

async function ptyOf(pid: number): Promise<string> {
  for (;;) {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      // A descriptor may be closed by now, because the process is just starting.
      const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'latin1').catch(() => '')
      const index = /tty-index:\s*(\d+)/.exec(info)?.[1]
      if (index !== undefined) return `/dev/pts/${index}`
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('kvmWorks() gives the same answer twice', async () => {
  assert.equal(await kvmWorks(), await kvmWorks())
})
