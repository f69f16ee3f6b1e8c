import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

const root = join(import.meta.dirname, '../..')
const command = join(root, 'bin/stasis')

test('a result that nobody reads to its end is no error', () => {
  const script = `"$0" --help | head -n 1; "$0" --help | true`
  const { stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', script, command])
  assert.match(stdout.toString(), /^Usage: stasis/)
  assert.equal(stderr.toString(), '')
})

test('a pipe that does not block gets the whole result, in order', async () => {
  const script = `
    import { libraryCalls } from '${root}/src/io/koffi.ts'
    import { StandardOutput } from '${root}/src/cli/terminal/standard-output.ts'
    const call = libraryCalls({ fcntl: 'int fcntl(int fd, int command, int argument)' })
    const [F_SETFL, O_NONBLOCK] = [4, 2048]
    call('fcntl', 1, F_SETFL, O_NONBLOCK)
    const output = new StandardOutput((error) => { throw error })
    for (let line = 0; line < 1000; line++) output.write(line.toString().padEnd(1000) + '\\n')`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  // Until the pipe is full.
  await delay(1000)
  const pieces: Buffer[] = []
  for await (const piece of child.stdout) pieces.push(piece as Buffer)
  const lines = Buffer.concat(pieces).toString().split('\n').slice(0, -1)
  assert.deepEqual(lines.map(Number), [...Array(1000).keys()])
})

test('a result that cannot be written is an error of the disk', () => {
  const { status, stderr } = spawnSync('sh', ['-c', '"$0" --help >/dev/full', command])
  assert.equal(status, 7)
  assert.match(stderr.toString(), /^error: Could not write the result: no space left/)
})
