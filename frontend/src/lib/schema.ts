/** Forms from JSON Schema: which fields there are, what the user wrote in them, and what differs from the preset. */

import { t } from "../strings";
import { number, title } from "./format";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Values = Record<string, Json>;

/** The part of JSON Schema that pydantic writes for a flat model. */
export interface Schema {
  type?: string | string[];
  title?: string;
  group?: string; // ours: where the form shows it
  "x-hidden"?: boolean; // ours: somebody has put it aside
  description?: string;
  default?: Json;
  enum?: Json[];
  const?: Json;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
}

export type Kind = "integer" | "number" | "boolean" | "choice" | "choices" | "text" | "json";

export interface Field {
  name: string;
  label: string;
  help: string;
  group: string; // "" for the architecture's own
  kind: Kind;
  nullable: boolean;
  default: Json;
  choices: Json[];
  schema: Schema;
}

/** What the user wrote, by field; a field that is not here has the preset's value. Text, so that a URL carries it. */
export type Drafts = Record<string, string>;

export type Decoded = { value: Json } | { error: string };

export function fieldsOf(schema: Schema): Field[] {
  const definitions = schema.$defs ?? {};
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const branches = (resolve(property, definitions).anyOf ?? [property]).map((s) => resolve(s, definitions));
    const own = branches.find((s) => s.type !== "null") ?? {};
    const items = own.items && resolve(own.items, definitions);
    return {
      name,
      label: title(name),
      help: property.description ?? own.description ?? "",
      group: property.group ?? "",
      kind: kindOf(own, items),
      nullable: branches.some((s) => s.type === "null"),
      default: property.default ?? null,
      choices: own.enum ?? items?.enum ?? (own.const === undefined ? [] : [own.const]),
      schema: own,
    };
  });
}

/** The fields by group: the architecture's own first, then what every architecture has, as a form shows them. */
export function grouped(fields: Field[]): [string, Field[]][] {
  const names = [...new Set(["", ...groupOrder, ...fields.map((field) => field.group)])];
  return names
    .map((name): [string, Field[]] => [name, fields.filter((field) => field.group === name)])
    .filter(([, members]) => members.length > 0);
}

const groupOrder = ["text", "look", "layers", "budget", "data", "optimisation", "hardware"];

function resolve(schema: Schema, definitions: Record<string, Schema>): Schema {
  const target = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined);
  return target ? { ...definitions[target.slice(target.lastIndexOf("/") + 1)], ...schema } : schema;
}

function kindOf(schema: Schema, items: Schema | undefined): Kind {
  if (schema.enum || schema.const !== undefined) return "choice";
  if (schema.type === "array" && items?.enum) return "choices";
  if (schema.type === "integer" || schema.type === "number" || schema.type === "boolean") return schema.type;
  return schema.type === "string" ? "text" : "json";
}

/** A value as the text of its control; decode() reads it back. */
export function encode(field: Field, value: Json): string {
  if (value === null) return "";
  if (field.kind === "choices" && Array.isArray(value)) return field.choices.filter((c) => value.includes(c)).join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function decode(field: Field, draft: string): Decoded {
  const text = draft.trim();
  if (text === "" && field.nullable) return { value: null };
  switch (field.kind) {
    case "boolean":
      return { value: text === "true" };
    case "choice": {
      const value = field.choices.find((choice) => String(choice) === text);
      return value === undefined ? { error: t.form.chooseOne(field.choices.join(", ")) } : { value };
    }
    case "choices": {
      const wanted = text === "" ? [] : text.split(",");
      return within(
        field.schema,
        field.choices.filter((choice) => wanted.includes(String(choice))),
      );
    }
    case "text":
      return within(field.schema, draft);
    case "integer":
    case "number": {
      const value = text === "" ? Number.NaN : Number(text);
      if (!Number.isFinite(value)) return { error: t.form.number };
      if (field.kind === "integer" && !Number.isInteger(value)) return { error: t.form.whole };
      return within(field.schema, value);
    }
    case "json":
      try {
        return { value: JSON.parse(text) as Json };
      } catch {
        return { error: t.form.json };
      }
  }
}

function within(schema: Schema, value: number | string | Json[]): Decoded {
  const size = typeof value === "number" ? value : value.length;
  const [least, most] =
    typeof value === "number"
      ? [schema.minimum, schema.maximum]
      : typeof value === "string"
        ? [schema.minLength, schema.maxLength]
        : [schema.minItems, schema.maxItems];
  const told = (n: number) =>
    typeof value === "number" ? number(n) : typeof value === "string" ? t.form.characters(n) : t.form.choices(n);
  if (least !== undefined && size < least) return { error: t.form.least(told(least)) };
  if (most !== undefined && size > most) return { error: t.form.most(told(most)) };
  if (schema.exclusiveMinimum !== undefined && size <= schema.exclusiveMinimum)
    return { error: t.form.more(schema.exclusiveMinimum) };
  if (schema.exclusiveMaximum !== undefined && size >= schema.exclusiveMaximum)
    return { error: t.form.less(schema.exclusiveMaximum) };
  return { value };
}

/** "1 to 4096", "more than 0", "at least 0; empty: not used", "" */
export function bounds(field: Field): string {
  const typed = field.kind !== "choice" && field.kind !== "boolean";
  return [limits(field), field.nullable && typed ? t.form.emptyUnused : ""].filter(Boolean).join("; ");
}

function limits({ schema, kind }: Field): string {
  if (kind !== "integer" && kind !== "number") return "";
  const least = schema.minimum ?? schema.exclusiveMinimum;
  const most = schema.maximum ?? schema.exclusiveMaximum;
  const text = (n: number) => (Math.abs(n) >= 10_000 ? n.toLocaleString("en") : String(n));
  if (least !== undefined && most !== undefined)
    return t.form.range(text(least), text(most), schema.minimum === undefined, schema.maximum === undefined);
  if (least !== undefined)
    return schema.minimum === undefined ? t.form.moreThan(text(least)) : t.form.atLeast(text(least));
  if (most === undefined) return "";
  return schema.maximum === undefined ? t.form.lessThan(text(most)) : t.form.atMost(text(most));
}

/** The schema's defaults under the preset's values: what a field has when the user wrote nothing. */
export function baseline(fields: Field[], preset: Values = {}): Values {
  return Object.fromEntries(
    fields.map(({ name, default: value }) => [name, preset[name] === undefined ? value : preset[name]]),
  );
}

/** Sets one draft, or forgets it when it says what the baseline says anyway. */
export function edit(drafts: Drafts, field: Field, base: Values, draft: string): Drafts {
  const { [field.name]: _, ...others } = drafts;
  return draft === encode(field, base[field.name] ?? null) ? others : { ...others, [field.name]: draft };
}

/** The values the user chose, and a message for each field that cannot be read. */
export function chosen(fields: Field[], drafts: Drafts): { values: Values; errors: Record<string, string> } {
  const values: Values = {};
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const draft = drafts[field.name];
    if (draft === undefined) continue;
    const decoded = decode(field, draft);
    if ("value" in decoded) values[field.name] = decoded.value;
    else errors[field.name] = decoded.error;
  }
  return { values, errors };
}

/** The drafts that differ from the baseline; those of unknown fields are dropped. */
export function differing(fields: Field[], base: Values, drafts: Drafts): Drafts {
  return fields.reduce<Drafts>((kept, field) => {
    const draft = drafts[field.name];
    return draft === undefined ? kept : edit(kept, field, base, draft);
  }, {});
}

/** Those messages that a field is there to show. */
export function errorsOf(fields: Field[], errors: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).filter(([name]) => fields.some((field) => field.name === name)));
}
