import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { postcopyObstacle } from './postcopy-obstacle.ts'

const NOBODY = 65534
const OLD = { major: 7, minor: 2, micro: 0 }
const sysctl = readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'latin1').trim()

test(
  'postcopyObstacle() names what lets an ordinary user watch page faults; root needs nothing',
  {
    skip:
      (process.geteuid?.() !== 0 && 'only root can become somebody else') ||
      (sysctl === '1' && 'everybody may on this host'),
  },
  async () => {
    assert.equal(await postcopyObstacle(undefined, OLD), undefined)
    const other = { name: 'nobody', uid: NOBODY, gid: NOBODY, groups: [NOBODY] }
    const refused = await postcopyObstacle(other, OLD)
    assert.match(refused?.reason ?? '', /not available to the user nobody/)
    const url = new URL('./postcopy-obstacle.ts', import.meta.url).href
    const program = `import { postcopyObstacle } from ${JSON.stringify(url)}; console.log((await postcopyObstacle(undefined, { major: 10, minor: 0, micro: 0 })).reason)`
    const args = ['--input-type=module', '-e', program]
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      uid: NOBODY,
      gid: NOBODY,
      cwd: '/',
      encoding: 'utf8',
      env: {},
    })
    assert.match(stdout, /^userfaultfd is not available to this user/, stderr)
  },
)
