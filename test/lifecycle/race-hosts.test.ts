import { test } from 'node:test'
import { raceHosts } from '../support/race-hosts.ts'
import { isLongRun } from '../support/qemus.ts'

test('hosts of a shared directory race, one wins each time, and nothing is lost', async () => {
  await raceHosts({ rounds: isLongRun() ? 33 : 2, seed: 20_261_129 })
})
