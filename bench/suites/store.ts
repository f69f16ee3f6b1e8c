import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import '../../test/support/allow.ts'
import { domainXml } from '../../test/support/domain-xml.ts'
import { defineDomain } from '../../src/index.ts'
import { costOf } from '../host/child-cost.ts'
import { commandCost } from '../host/command-cost.ts'
import { checkout, stasisCommand } from '../peers/commands/stasis-commands.ts'
import type { Scenario } from '../rounds/measurement.ts'
import { type Suite, withoutEnd } from './suite.ts'

const COUNTS = [1, 10, 100] as const

/** Commands that look, with few and with many domains in the store. */
export const storeSuite: Suite = {
  ...{ rounds: 5, usesRam: false, images: () => 0 },
  about: `commands that look, with ${COUNTS.join(', ')} domains in the store`,
  async open({ directory, emulator }) {
    costOf([join(checkout, 'bin/stasis'), 'version'])
    const scenarios: Scenario[] = []
    for (const count of COUNTS) {
      const stateDir = join(directory, `store-${count}`)
      await mkdir(stateDir)
      for (let number = 1; number <= count; number += 1)
        await defineDomain(xmlOf(`guest-${number}`, emulator), { stateDir })
      const env = { ...process.env, STASIS_STATE_DIR: stateDir }
      for (const command of [['list', '--all'], ['domstate', 'guest-1'], ['images']])
        scenarios.push({
          name: `stasis ${command.join(' ')}, ${count} domains`,
          point: { series: `stasis ${command.join(' ')}`, x: count },
          async measure() {
            const cost = await commandCost(stasisCommand(checkout, ...command), env)
            return {
              ...{ seconds: cost.wallMs / 1000, processorSeconds: cost.processorMs / 1000 },
              peakBytes: cost.peakBytes,
            }
          },
        })
    }
    return withoutEnd(scenarios)
  },
}

function xmlOf(name: string, emulator: string): string {
  return domainXml({ name, guest: 'tiny', emulator, serial: { type: 'pty' } })
}
