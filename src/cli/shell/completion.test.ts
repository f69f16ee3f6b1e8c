import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { VERBS } from '../verbs.ts'
import { completer } from './completion.ts'

test('completer() completes verbs, options, choices, domains, files and topics of help', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'stasis-'))
  const stateDir = join(dir.path, 'state')
  await mkdir(join(stateDir, 'domains'), { recursive: true, mode: 0o700 })
  const xml =
    '<domain type="qemu"><name>web</name><uuid>7ceccd75-b34d-492e-a098-d2f59510e1f5</uuid></domain>'
  for (const name of ['web', 'web-2'])
    await writeFile(join(stateDir, `domains/${name}.xml`), xml.replace('web', name))
  await writeFile(join(dir.path, 'one file.save'), '')
  await mkdir(join(dir.path, 'onedir'))
  const complete = completer({ verbs: VERBS, directories: { stateDir } })
  const at = (name: string): string => join(dir.path, name)
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['domrena', ['domrename ']],
    ['domstate nobody; hel', ['help ']],
    ['managedsave-d', ['managedsave-dumpxml', 'managedsave-define']],
    ['help moni', ['monitor ']],
    ['start w', ['web', 'web-2']],
    ['start --domain web-', ['web-2 ']],
    ['start web ', []],
    ['list --state-s', ['--state-shutoff ']],
    ['save --dom', ['--domain ']],
    ['save --parallel-compression zs', ['zstd ']],
    [`save web ${at('one')}`, [`${at('one\\ file.save')}`, `${at('onedir/')}`]],
    [`save --file ${at('onedi')}`, [at('onedir/')]],
    ['nosuch w', []],
  ]
  for (const [line, expected] of cases) assert.deepEqual((await complete(line))[0], expected, line)
  assert.equal((await complete('start web-'))[1], 'web-')
})
