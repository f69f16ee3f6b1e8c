import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import type { Architecture } from '../domain-xml/architecture.ts'
import { isForMachine } from '../domain-xml/firmware.ts'
import { readFirmwareDescriptors } from './firmware-descriptors.ts'

function descriptor(code: string, architecture = 'x86_64', device = 'flash'): string {
  return JSON.stringify({
    'interface-types': ['uefi'],
    mapping: {
      device,
      filename: code,
      executable: { filename: code, format: 'raw' },
      'nvram-template': { filename: '/vars.fd', format: 'qcow2' },
    },
    targets: [{ architecture, machines: ['pc-q35-*', 'pc.'] }],
    features: ['secure-boot'],
  })
}

test('readFirmwareDescriptors() reads them in the order of their names, and lets later directories hide earlier ones', async () => {
  await using dir = await tempDir()
  const [first, second] = [dir.join('a'), dir.join('b')]
  for (const one of [first, second]) await mkdir(one)
  await writeFile(`${first}/60.json`, descriptor('/60'))
  await writeFile(`${first}/40.json`, descriptor('/40'))
  await writeFile(`${first}/30.json`, descriptor('/30'))
  await writeFile(`${first}/20.json`, descriptor('/20', 'riscv64'))
  await writeFile(`${first}/10.json`, 'not JSON')
  await writeFile(`${first}/70.json`, descriptor('/70', 'x86_64', 'memory'))
  await writeFile(`${second}/30.json`, '')
  await writeFile(`${second}/40.json`, descriptor('/40-own'))
  const found = await readFirmwareDescriptors([first, second, dir.join('none')])
  assert.deepEqual(
    found.map(({ loader, mapping }) => [loader.path, mapping]),
    [
      ['/40-own', 'split'],
      ['/60', 'split'],
      ['/70', 'rom'],
    ],
  )
  assert.deepEqual(found[0]?.template, { path: '/vars.fd', format: 'qcow2' })
  assert.deepEqual([...(found[0]?.features ?? [])], ['secure-boot'])
})

test('isForMachine() matches names with stars only, and the architecture', () => {
  const firmware = { kind: 'uefi', mapping: 'rom', template: undefined } as const
  const loader = { path: '/x', format: 'raw' } as const
  const targets = [
    { architecture: 'x86_64', machines: ['pc-q35-*', 'pc.'] },
    { architecture: 'aarch64', machines: ['virt-*'] },
  ] as const
  const matches = (name: string, architecture: Architecture = 'x86_64'): boolean =>
    isForMachine({ ...firmware, loader, targets, features: new Set() }, architecture, name)
  assert.deepEqual(
    ['pc-q35-7.2', 'pc.', 'pcx', 'xpc-q35-7'].map((name) => matches(name)),
    [true, true, false, false],
  )
  assert.equal(matches('virt-10.0', 'aarch64'), true)
  assert.equal(matches('virt-10.0'), false)
})
