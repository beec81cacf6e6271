// Posts a batch, reads the catalogue and provokes a problem, all with the types made from openapi.yaml.
import { readFileSync } from "node:fs";
import type { components } from "./api.js";

type Schemas = components["schemas"];

const [url, file] = process.argv.slice(2);

async function answer<T>(path: string, body?: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url + path, body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()) as T;
}

const columns = JSON.parse(readFileSync(file, "utf8")) as { labels: number[]; scores: number[] };
const request: Schemas["BinaryReportRequest"] = { ...columns, curves: true, metadata: { client: "typescript" } };
const report = await answer<Schemas["BinaryReport"]>("/v1/binary/report", request);
const calls: Schemas["BinaryReportRequest"] = { labels: ["no"], predictions: ["no"], pos_label: "yes" };
const silent = await answer<Schemas["BinaryReport"]>("/v1/binary/report", calls);
// @ts-expect-error A string is not a number: the types refuse what the service refuses.
const refused: Schemas["BinaryReportRequest"] = { labels: [0], scores: ["0.5"] };
const catalogue = await answer<Schemas["Catalogue"]>("/v1/metrics");
const problem = await answer<Schemas["Problem"]>("/v1/binary/report", { labels: [0, 1], scores: [0.5] });
const second = await answer<Schemas["Problem"]>("/v1/binary/report", refused);

const roc = report.curves?.roc;
console.log(
  JSON.stringify({
    samples: report.samples,
    roc_auc: report.metrics.roc_auc,
    true_positives: report.confusion_matrix.tp,
    first_threshold: roc?.thresholds[0],
    last_rate: roc?.tpr.at(-1),
    echoed: report.metadata?.client,
    recall: silent.metrics.recall,
    reason: silent.undefined.recall?.reason,
    metrics: catalogue.metrics.map((metric) => metric.name),
    problem: problem.type,
    refused: second.errors?.[0]?.pointer,
    pointer: problem.errors?.[0]?.pointer,
  }),
);
