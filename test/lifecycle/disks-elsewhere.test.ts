import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { oldestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const SECRET = '0a81f5b2-8403-7b23-c8d6-21ccc2f80d6f'

function withDisks(emulator: string, serial: string, ...disks: readonly string[]): string {
  return domainXml({
    ...{ name: 'far', guest: 'tiny', emulator },
    serial: { type: 'file', path: serial },
  }).replace('<memballoon', `${disks.join('')}<memballoon`)
}

/** QEMU measures how fast it derives a key, and gives up when the processor is busy with other work. */
function createLuks(argv: readonly string[], attempts = 5): void {
  try {
    execFileSync('qemu-img', argv, { stdio: 'pipe' })
  } catch (error) {
    if (attempts === 1) throw error
    createLuks(argv, attempts - 1)
  }
}

for (const { emulator, label } of oldestQemu()) {
  test(`a LUKS disk, a disk on an NBD server and a limited one on QEMU ${label}: saved and restored, and no command line has the secret`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const [luks, nbd, limited] = [dir.join('luks'), dir.join('nbd'), dir.join('limited')]
    await writeFile(dir.join('key'), 'hunter22')
    const object = `secret,id=k,file=${dir.join('key')}`
    const key = ['--object', object, '-o', 'key-secret=k,iter-time=10']
    createLuks(['create', '-q', '-f', 'luks', ...key, luks, '8M'])
    for (const file of [nbd, limited]) {
      await writeFile(file, '')
      await truncate(file, 8 << 20)
    }
    const socket = dir.join('sock')
    const server = spawn('qemu-nbd', ['-k', socket, '-f', 'raw', '-t', '-e', '4', '-x', 'x', nbd])
    await using stack = new AsyncDisposableStack()
    stack.defer(() => {
      server.kill()
    })
    while ((await stat(socket).catch(() => undefined)) === undefined) await delay(10)

    const xml = withDisks(
      emulator,
      dir.join('serial'),
      `<disk type='file'><driver type='raw'/><source file='${luks}'><encryption format='luks'>
       <secret type='passphrase' uuid='${SECRET}'/></encryption></source><target dev='vdx' bus='virtio'/></disk>`,
      `<disk type='network'><driver type='raw' copy_on_read='on'/><source protocol='nbd' name='x'>
       <host transport='unix' socket='${socket}'/></source><target dev='vdy' bus='virtio'/></disk>`,
      `<disk type='file'><driver type='raw'/><source file='${limited}'/><throttlefilters><throttlefilter group='slow'/></throttlefilters>
       <target dev='vdz' bus='virtio'/></disk>`,
    ).replace(
      '<vcpu',
      '<throttlegroups><throttlegroup><total_bytes_sec>1000000</total_bytes_sec><group_name>slow</group_name></throttlegroup></throttlegroups><vcpu',
    )
    await defineDomain(xml, { stateDir })
    await assert.rejects(startDomain('far', { stateDir }), {
      code: 'FILE_NOT_FOUND',
      message: new RegExp(SECRET),
    })
    await mkdir(dir.join('state/secrets'), { mode: 0o700 })
    await writeFile(dir.join(`state/secrets/${SECRET}.base64`), btoa('hunter22'), { mode: 0o600 })
    const { id } = await startDomain('far', { stateDir })
    stack.defer(async () => {
      await destroyDomain('far', { stateDir }).catch(() => undefined)
    })
    const line = await readFile(`/proc/${id}/cmdline`, 'utf8')
    assert.doesNotMatch(line, /hunter22/)
    assert.ok(!line.includes(btoa('hunter22')))
    const image = dir.join('image')
    await saveDomain('far', image, { stateDir })
    const other = dir.join('other')
    await assert.rejects(restoreDomain(image, { stateDir: other, allow: ['path:*'] }), {
      code: 'IMAGE_UNTRUSTED',
      message: new RegExp(`secret of the raw disk ${SECRET}|secret of the disk ${SECRET}`),
    })
    await restoreDomain(image, { stateDir })
  })
}
