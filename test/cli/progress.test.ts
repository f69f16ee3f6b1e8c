import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineDomain, destroyDomain, startDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { startInTerminal } from '../support/in-terminal.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { qemus } from '../support/qemus.ts'
import { startStasis } from '../support/stasis-command.ts'

const emulator = qemus()[0]?.emulator ?? ''
const WIDE = '仮想機'

/** The lines that were drawn on a terminal, with whatever moves its cursor removed. */
function drawn(written: string): readonly string[] {
  // oxlint-disable-next-line eslint/no-control-regex
  return written.replaceAll(/\u001b\[\d*[AJ]/g, '\r').split(/[\r\n]+/)
}

test(
  'progress on a terminal, on a dumb one, and where there is none',
  { timeout: 300_000 },
  async () => {
    await using linux = await startLinuxDomain({ emulator })
    const { stateDir, name } = linux
    // Where there is no terminal, the first line comes after ten seconds.
    const slow = ['--max-bandwidth', '5M']
    const slowEnough = ['--max-bandwidth', '15M']
    const serial = { type: 'file', path: linux.dir.join('other') } as const
    await defineDomain(domainXml({ name: WIDE, guest: 'tiny', emulator, serial }), { stateDir })
    await startDomain(WIDE, { stateDir })
    try {
      // host-save: a line for each guest, a total, and percent and time left at 40 columns.
      const host = await startInTerminal(stateDir, ['host-save', ...slowEnough], { columns: 40 })
        .ended
      assert.equal(host.exitCode, 0, host.written)
      const lines = drawn(host.written)
      const guest = lines.filter((line) => line.startsWith(name))
      assert.ok(
        guest.some((line) => /^linux {2,}\d+ % .*\d+ s left$/.test(line)),
        host.written,
      )
      assert.ok(lines.some((line) => /^Total +\d+ % .*\d+ s left/.test(line)))
      assert.ok(lines.some((line) => line.startsWith(`${WIDE}: saved: `)))
      for (const line of lines.filter((one) => one.includes('%'))) assert.ok(line.length < 40, line)
      assert.match(lines.at(-2) ?? '', /^2 domains saved: .* of memory in .* on disk$/)

      const resumed = await startInTerminal(stateDir, ['host-resume'], { columns: 100 }).ended
      assert.equal(resumed.exitCode, 0, resumed.written)
      assert.match(resumed.written, /Total .*2 of 2 started/s)
      assert.match(resumed.written, /2 domains started in /)

      // A dumb terminal cannot move its cursor: as where there is none.
      const dumb = startInTerminal(stateDir, ['managedsave', name, ...slow], {
        columns: 80,
        env: { TERM: 'dumb' },
      })
      const { written, exitCode } = await dumb.ended
      assert.equal(exitCode, 0, written)
      // oxlint-disable-next-line eslint/no-control-regex
      assert.doesNotMatch(written, /\u001b|\r(?!\n)/)
      assert.match(written, /^Saving {2}\d+ % .*left\r$/m)
      await startDomain(name, { stateDir, mode: 'load' })

      const piped = await startStasis(stateDir, ['host-save', ...slow]).ended
      assert.equal(piped.exitCode, 0, piped.stderr)
      assert.match(piped.stderr, /^\d+ % .* of 2 saved {2}\(linux \d+ %\)$/m)
      // oxlint-disable-next-line eslint/no-control-regex
      assert.doesNotMatch(piped.stderr, /\u001b|\r/)
    } finally {
      await destroyDomain(WIDE, { stateDir }).catch(() => undefined)
    }
  },
)
