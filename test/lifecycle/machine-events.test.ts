import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type MachineEvent, watchMachineEvents } from '../../src/index.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { newestQemu } from '../support/qemus.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

for (const { label, emulator } of newestQemu()) {
  test(
    `a balloon, a tray and sleep are events, on QEMU ${label}`,
    { timeout: 120_000 },
    async () => {
      await using disks = await tempDir()
      const path = disks.join('medium.iso')
      await writeFile(path, Buffer.alloc(65536))
      const drive = `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${path}'/><target dev='sda' bus='sata'/></disk>`
      await using domain = await startLinuxDomain({
        emulator,
        changeXml: (xml) => xml.replace('<audio', `${drive}<audio`),
      })
      const { name, stateDir } = domain
      const says = async (...args: readonly string[]): Promise<void> => {
        const { exitCode, stderr } = await stasis(stateDir, ...args)
        assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`)
      }
      const over = new AbortController()
      using atEnd = new DisposableStack()
      atEnd.defer(() => over.abort())
      const seen: MachineEvent[] = []
      const watching = (async () => {
        for await (const event of watchMachineEvents({ stateDir, signal: over.signal }))
          seen.push(event)
      })()
      const args = ['event', name, '--all', '--loop', '--timeout', '100']
      const shown = startStasis(stateDir, args)
      atEnd.defer(() => shown.child.kill('SIGKILL'))
      let text = ''
      shown.child.stdout?.on('data', (data: Buffer) => (text += data.toString()))
      const isShown = async (wanted: RegExp): Promise<void> => {
        const deadline = performance.now() + 20_000
        while (!wanted.test(text)) {
          assert.ok(performance.now() < deadline, `${wanted} is not in ${text}`)
          await delay(50)
        }
      }
      // Each act waits until the event before was seen, so that none is undone between two looks. The first waits until the command has looked once.
      await delay(3000)
      const value = 100 * 1024 * 1024
      const balloon = { execute: 'balloon', arguments: { value } }
      await says('qemu-monitor-command', name, JSON.stringify(balloon))
      await isShown(/event 'balloon-change' for domain 'linux': 102400KiB\n/)
      const open = { execute: 'blockdev-open-tray', arguments: { id: 'sata0-0-0', force: true } }
      await says('qemu-monitor-command', name, JSON.stringify(open))
      await isShown(/event 'tray-change' for domain 'linux' disk sata0-0-0: opened\n/)
      {
        await using console = await domain.console()
        await console.ask('sleep', /^SLEEPING/)
      }
      await isShown(/event 'lifecycle' for domain 'linux': PMSuspended Memory\n/)
      await isShown(/event 'pm-suspend' for domain 'linux'\n/)
      await says('dompmwakeup', name)
      await isShown(/event 'lifecycle' for domain 'linux': Started Event wakeup\n/)
      await isShown(/event 'pm-wakeup' for domain 'linux'\n/)
      shown.child.kill('SIGINT')
      assert.match((await shown.ended).stdout, /event loop interrupted\nevents received: \d+\n$/)
      over.abort()
      await watching
      assert.ok(seen.some((one) => one.event === 'balloon-change' && one.memoryBytes === value))
      // The machine that wakes is reset, which closes the tray and empties the balloon.
      assert.deepEqual(
        [...new Set(seen.map(({ event }) => event))],
        ['balloon-change', 'tray-change', 'pm-suspend', 'pm-wakeup'],
      )
    },
  )
}
