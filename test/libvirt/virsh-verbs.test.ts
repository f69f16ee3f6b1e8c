import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elsewhereError } from '../../src/cli/elsewhere.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { interopBeds } from '../support/interop-beds.ts'
import { bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'

const skip = bedObstacle() ?? false

for (const { version } of interopBeds()) {
  test(
    `every verb of virsh ${version} is one of ours, or is explained`,
    { skip, timeout: 900_000 },
    async (t) => {
      await using bed = await holdLibvirt(version)
      const help = await bed.virsh('help')
      const verbs = [...help.matchAll(/^ {4}(\S+) {2}/gm)].map(([, name = '']) => name)
      assert.ok(verbs.length > 200)
      const ours = new Set([...VERBS.map(({ name }) => name), 'help'])
      const others = verbs.filter((name) => !ours.has(name))
      t.diagnostic(`${verbs.length} verbs: ${verbs.length - others.length} here`)
      assert.deepEqual(
        others.filter((name) => elsewhereError(name) === undefined),
        [],
      )
    },
  )
}
