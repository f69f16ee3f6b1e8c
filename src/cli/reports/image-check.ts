import { type CheckImageOptions, type ImageCheck, checkImage } from '../../domain/check/image.ts'
import { ImageError } from '../../errors.ts'
import { ProgressDisplay } from '../terminal/progress-display.ts'
import type { Answer, Invocation } from '../verb.ts'

const MARKS = { ok: 'ok', warning: 'warning', error: 'ERROR' } as const

/** Checks an image and reports the findings. Shows progress where the whole image must be read. @throws as `checkReport` */
export async function checkAndReport(
  file: string,
  options: CheckImageOptions,
  invocation: Invocation,
): Promise<Answer> {
  return checkReport(await checkShown(file, options, invocation), invocation)
}

async function checkShown(
  file: string,
  options: CheckImageOptions,
  invocation: Invocation,
): Promise<ImageCheck> {
  using display = new ProgressDisplay(invocation)
  return await checkImage(file, { ...options, onProgress: display.show })
}

/**
 * The report of `image-check` and `restore --check`. If the image cannot be restored, prints the findings and then throws, for
 * the exit code.
 * @throws ImageError IMAGE_UNTRUSTED when the image asks for things that are not allowed, or else IMAGE_INCOMPATIBLE when a finding is an error
 */
function checkReport(check: ImageCheck, { output, json }: Invocation): Answer {
  const { path, findings, loadable } = check
  const lines = findings.flatMap(({ severity, text, hint }) => [
    `${MARKS[severity].padEnd(8)} ${text}`,
    ...(hint === undefined ? [] : [`${' '.repeat(8)} -> ${hint}`]),
  ])
  const answer = {
    text: [...lines, `${path} can be restored here`].join('\n'),
    json: { type: 'result', ...check },
  }
  if (loadable) return answer
  if (json) output.json(answer.json)
  else output.result(lines.join('\n'))
  const [first, ...more] = findings.filter(({ severity }) => severity === 'error')
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`
  throw new ImageError(
    first?.code === 'TRUST' ? 'IMAGE_UNTRUSTED' : 'IMAGE_INCOMPATIBLE',
    `${path} cannot be restored here: ${first?.text ?? ''}${others}`,
    { operation: 'check the image', path, hint: first?.hint },
  )
}
