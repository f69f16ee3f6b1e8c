import { symlink } from 'node:fs/promises'
import type { RuntimePaths } from '../../src/domain/store/runtime-paths.ts'
import { type FakeMonitor, fakeMonitor, ok } from './fake-monitor.ts'

/** A monitor for queries of a domain of a `TestStore`, whose guest is in the state that `state` returns. */
export async function fakeStatus(paths: RuntimePaths, state: () => string): Promise<FakeMonitor> {
  const fake = await fakeMonitor((command) =>
    ok(command, { status: state(), running: state() === 'running' }),
  )
  await symlink(fake.path, paths.querySocket)
  return fake
}
