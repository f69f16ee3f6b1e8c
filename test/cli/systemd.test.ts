import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { systemdUnits } from '../../src/domain/host/systemd-units.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const units = join(import.meta.dirname, '../../systemd')
const command = join(import.meta.dirname, '../../bin/stasis')

test('Stasis accepts the command lines in the systemd units', async () => {
  let seen = 0
  for (const name of await readdir(units)) {
    const text = await readFile(join(units, name), 'utf8')
    for (const [, line = ''] of text.matchAll(/^Exec\w+=-?\/usr\/bin\/stasis (.*)$/gm)) {
      const [verbName, ...args] = line.split(' ')
      const entry = VERBS.find((one) => one.name === verbName)
      assert.ok(entry !== undefined, `${name}: there is no verb ${verbName}`)
      const verb = await entry.load()
      const parser = verb.declare(new Command(verbName)).exitOverride()
      parser.action(() => undefined).parse(args, { from: 'user' })
      seen += 1
    }
  }
  assert.equal(seen, 3)
})

test('stasis systemd-units shows and writes the units with the Node and the command that run', async () => {
  await using dir = await tempDir()
  const shown = await stasis(dir.path, 'systemd-units')
  assert.equal(shown.exitCode, 0)
  assert.match(shown.stdout, /^ExecStart=\/\S+node \/\S+entry\.cjs host-resume --autostart$/m)
  assert.match(shown.stdout, /^ExecStart=-\/\S+node \/\S+entry\.cjs host-resume$/m)
  assert.doesNotMatch(shown.stdout, /\/usr\/bin\/stasis/)
  const written = await stasis(dir.path, 'systemd-units', dir.path, '--json')
  const { units } = JSON.parse(written.stdout) as { units: { name: string; text: string }[] }
  for (const { name, text } of units) {
    assert.equal(await readFile(dir.join(name), 'utf8'), text)
    assert.equal((await stat(dir.join(name))).mode & 0o777, 0o644)
    assert.ok(shown.stdout.includes(text.trim()))
  }
  assert.equal(units.length, 2)
  const nowhere = await stasis(dir.path, 'systemd-units', dir.join('none'))
  assert.equal(nowhere.exitCode, 7)
})

test('systemdUnits() quotes what systemd would read otherwise', async () => {
  const [unit] = await systemdUnits(['/opt/my node/100%/$x', '/a"b/stasis'])
  assert.ok(unit?.text.includes('ExecStart="/opt/my node/100%%/$$x" "/a\\"b/stasis" host-resume'))
})

const found = spawnSync('systemd-analyze', ['--version']).status === 0
const skip = found ? false : 'there is no systemd-analyze here'

test('systemd accepts the units', { skip }, async () => {
  await using dir = await tempDir()
  const paths: string[] = []
  for (const name of await readdir(units)) {
    const text = await readFile(join(units, name), 'utf8')
    paths.push(dir.join(name))
    await writeFile(dir.join(name), text.replaceAll('/usr/bin/stasis', command))
  }
  const run = (): ReturnType<typeof verify> => verify(paths)
  assert.deepEqual(run(), { status: 0, said: '' })
  // It would report a fault.
  const [first = ''] = paths
  await writeFile(first, `${await readFile(first, 'utf8')}\n[Service]\nExecStop=/no/such/program\n`)
  assert.match(run().said, /no\/such\/program/)
})

function verify(paths: readonly string[]): {
  readonly status: number | null
  readonly said: string
} {
  const { status, stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['verify', '--man=no', '--recursive-errors=no', ...paths],
    { encoding: 'utf8' },
  )
  return { status, said: stdout + stderr }
}
