import { DomainXmlError } from '../../../errors.ts'

/** The error for what no machine can have. */
export function impossible(place: string, what: string): DomainXmlError {
  return new DomainXmlError('XML_INVALID', `${place}: ${what}`)
}
