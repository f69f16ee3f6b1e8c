import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { stasisWith } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

test('create, edit, autostart --once, destroy --graceful and the modes of shutdown', async () => {
  await using dir = await tempDir()
  const emulator = qemus()[0]?.emulator ?? ''
  const stateDir = dir.join('state')
  const run = async (
    line: string,
    { exitCode = 0, editor = 'true' } = {},
  ): Promise<{ readonly stdout: string; readonly stderr: string }> => {
    const result = await stasisWith(
      { stateDir, env: { EDITOR: editor, VISUAL: '' } },
      ...words(line),
    )
    assert.equal(result.exitCode, exitCode, `${line}: ${result.stderr}`)
    return result
  }
  const serial = { type: 'file', path: dir.join('serial') } as const
  const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial })
  await writeFile(dir.join('xml'), xml)
  const file = dir.join('xml')

  // A transient domain is gone when it ends.
  const { stdout } = await run(`create ${file} --paused --validate`)
  assert.equal(stdout, `Domain 'tiny' created from ${file}\n`)
  assert.match((await run('domstate tiny')).stdout, /^paused/)
  assert.match((await run('dominfo tiny')).stdout, /Persistent: +no/)
  assert.match((await run(`create ${file}`, { exitCode: 3 })).stderr, /is already running/)
  await run('resume tiny')
  assert.match((await run('shutdown tiny --mode initctl', { exitCode: 2 })).stderr, /containers/)
  assert.match((await run('shutdown tiny --mode zzz', { exitCode: 2 })).stderr, /acpi, agent/)
  // It has no agent, so the power button is pressed, which this guest ignores.
  await run('shutdown tiny --mode agent', { exitCode: 3 })
  assert.equal(
    (await run('shutdown tiny --mode acpi,agent')).stdout,
    "Domain 'tiny' is being shutdown\n",
  )
  await run('destroy tiny --graceful')
  assert.equal((await run('list --all --name')).stdout.trim(), '')

  // One that is defined keeps its definition.
  await run(`define ${file} --validate`)
  const before = (await run('dumpxml tiny')).stdout
  await writeFile(file, xml.replace('</name>', '</name><title>other</title>'))
  await run(`create ${file}`)
  assert.match((await run('dumpxml tiny')).stdout, /<title>other/)
  assert.equal((await run('dumpxml tiny --inactive')).stdout, before)
  await run('destroy tiny')
  assert.equal((await run('dumpxml tiny')).stdout, before)

  // The editor is run once, and a text that is refused changes nothing.
  const same = await run('edit tiny')
  assert.equal(same.stdout, "Domain 'tiny' XML configuration not changed.\n")
  const broken = { editor: 'sed -i s/vcpu/cpuv/', exitCode: 4 }
  assert.match((await run('edit tiny', broken)).stderr, /cpuv/)
  assert.equal((await run('dumpxml tiny')).stdout, before)
  const edited = await run('edit tiny', { editor: `sed -i 's/on_crash>destroy/on_crash>restart/'` })
  assert.equal(edited.stdout, "Domain 'tiny' XML configuration edited.\n")
  assert.match((await run('dumpxml tiny')).stdout, /<on_crash>restart/)
  await run('edit tiny', { editor: 'false', exitCode: 2 })
  await run('edit nobody', { exitCode: 3 })

  // Once is once.
  const once = await run('autostart tiny --once')
  assert.equal(once.stdout, "Domain 'tiny' marked as autostarted on next boot\n")
  assert.equal((await run('list --all --autostart --name')).stdout.trim(), '')
  await run('host-resume --autostart')
  assert.match((await run('domstate tiny')).stdout, /^running/)
  await run('destroy tiny')
  await run('host-resume --autostart')
  assert.match((await run('domstate tiny')).stdout, /^shut off/)
  await run('autostart tiny')
  await run('autostart tiny --once --disable')
  assert.match((await run('dominfo tiny')).stdout, /Autostart: +enable/)

  await run('undefine tiny --remove-all-storage', { exitCode: 2 })
  await run('undefine tiny --snapshots-metadata --keep-nvram')
  assert.ok((await readFile(serial.path)).length > 0)
})

function words(line: string): readonly string[] {
  return line.split(' ')
}
