import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { inspectQemu, machineFacts } from './inspect.ts'

test('inspectQemu() refuses a socket without a listener, or of another program', async () => {
  await using dir = await tempDir()
  const path = dir.join('socket')
  await assert.rejects(inspectQemu(path), { code: 'QEMU_DIED', path })
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  await assert.rejects(inspectQemu(path), {
    code: 'QEMU_REFUSED',
    path,
    message: new RegExp(`${process.pid}`),
  })
  await new Promise((resolve) => server.close(resolve))
})

test('machineFacts() reads the answers of QEMU', async () => {
  const disk = (file: string, ro: boolean, drv: string): object => ({
    device: 'd',
    inserted: { file, ro, drv },
  })
  const answers: Readonly<Record<string, unknown>> = {
    'query-name': { name: 'web' },
    'query-uuid': { UUID: '00000000-0000-0000-0000-000000000000' },
    'qom-get': 'pc-q35-10.0-machine',
    'query-target': { arch: 'x86_64' },
    'query-kvm': { enabled: true, present: true },
    'query-memory-size-summary': { 'base-memory': 1024, 'plugged-memory': 512 },
    'query-cpus-fast': [{}, {}],
    'query-block': [
      disk('/a', false, 'qcow2'),
      disk('/b', false, 'host_device'),
      disk('/iso', true, 'raw'),
      disk('nbd:host', false, 'raw'),
      { device: 'cd' },
    ],
  }
  await using fake = await fakeMonitor((command) => ok(command, answers[command.execute]))
  await using qmp = await QmpConnection.connect(fake.path)
  assert.deepEqual(await machineFacts(qmp), {
    name: 'web',
    uuid: undefined,
    machine: 'pc-q35-10.0',
    architecture: 'x86_64',
    kvm: true,
    memoryBytes: 1536,
    vcpus: 2,
    disks: [
      { path: '/a', format: 'qcow2' },
      { path: '/b', format: 'raw' },
    ],
  })
})
