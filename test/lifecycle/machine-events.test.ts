import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
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
      const seen: MachineEvent[] = []
      const watching = (async () => {
        for await (const event of watchMachineEvents({ stateDir, signal: over.signal }))
          seen.push(event)
      })()
      const args = ['event', name, '--all', '--loop', '--timeout', '100']
      const shown = startStasis(stateDir, args)
      const isShown = async (text: RegExp): Promise<void> => {
        let all = ''
        for await (const data of shown.child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
          all += String(data)
          if (text.test(all)) return
        }
        assert.fail(`${text} is not in ${all}`)
      }
      // Each act waits until the event before was seen, so that none is undone between two looks.
      const value = 100 * 1024 * 1024
      const balloon = { execute: 'balloon', arguments: { value } }
      const [balloonShown] = await Promise.all([
        isShown(/event 'balloon-change' for domain 'linux': 102400KiB\n/),
        (async () => {
          // The command above has looked once by now.
          await new Promise((resolve) => setTimeout(resolve, 2000))
          await says('qemu-monitor-command', name, JSON.stringify(balloon))
        })(),
      ])
      assert.equal(balloonShown, undefined)
      await says('qemu-monitor-command', name, '--hmp', 'eject -f sata0-0-0')
      await isShown(/event 'tray-change' for domain 'linux' disk sata0-0-0: opened\n/)
      {
        await using console = await domain.console()
        await console.ask('sleep', /^SLEEPING/)
      }
      await isShown(/event '(?:pm-suspend' for domain 'linux'|lifecycle' .* PMSuspended Memory)\n/)
      await says('dompmwakeup', name)
      await isShown(/event '(?:pm-wakeup' for domain 'linux'|lifecycle' .* Started Event wakeup)\n/)
      shown.child.kill('SIGINT')
      assert.match((await shown.ended).stdout, /event loop interrupted\nevents received: \d+\n$/)
      over.abort()
      await watching
      const last = seen.filter(({ event }) => event === 'balloon-change').at(-1)
      assert.deepEqual(last && { ...last, time: '' }, {
        ...{ domain: name, event: 'balloon-change', memoryBytes: value, time: '' },
      })
      const others = seen.filter(({ event }) => event !== 'balloon-change')
      assert.deepEqual(
        others.map(({ event }) => event),
        ['tray-change', 'pm-suspend', 'pm-wakeup'],
      )
    },
  )
}
