import { changesSinceStart } from '../../qemu/foreign/changes-since-start.ts'
import { unrepeatableArguments } from '../../qemu/foreign/foreign-command-line.ts'
import type { QmpConnection } from '../../qmp/connection.ts'

/** The parts of a QEMU that Stasis did not start that could not be started again in their present state, one sentence each. @throws QemuError */
export async function restartObstacles(
  control: QmpConnection,
  commandLine: readonly string[],
): Promise<readonly string[]> {
  const argv = commandLine.slice(1)
  return [...unrepeatableArguments(argv), ...(await changesSinceStart(control, argv))]
}
