// Sends a trace with Jaeger's own client library, as thrift over HTTP:
//
//     npm install && node push.js http://127.0.0.1:14268/api/traces
//
// "order" has a child "charge" with tags and a log; "receipt" follows from "order". Prints the ids of what was sent.
"use strict";

const { initTracer, opentracing } = require("jaeger-client");

const collectorEndpoint = process.argv[2] ?? "http://127.0.0.1:14268/api/traces";
const errors = [];

const tracer = initTracer(
  {
    serviceName: "jaeger-shop",
    sampler: { type: "const", param: 1 },
    reporter: { collectorEndpoint },
  },
  {
    tags: { "shop.version": "1.2.3" },
    logger: { info: () => {}, error: (text) => errors.push(text) },
  },
);

const order = tracer.startSpan("order");
order.setTag(opentracing.Tags.SPAN_KIND, opentracing.Tags.SPAN_KIND_RPC_SERVER);
order.setTag("order.items", 3);

const charge = tracer.startSpan("charge", { childOf: order });
charge.setTag(opentracing.Tags.ERROR, true);
charge.log({ event: "card declined", reason: "insufficient funds" });
charge.finish();
order.finish();

const receipt = tracer.startSpan("receipt", { references: [opentracing.followsFrom(order.context())] });
receipt.setTag("paper", "A6");
receipt.finish();

// The library leaves leading zeros out.
const padded = (hex) => hex.padStart(16, "0");
const id = (span) => padded(span.context().spanIdStr);
const sent = { trace_id: padded(order.context().traceIdStr), order: id(order), charge: id(charge), receipt: id(receipt) };

// Closing sends what is left.
tracer.close(() => {
  for (const error of errors) console.error(error);
  console.log(JSON.stringify(sent));
  process.exit(errors.length > 0 ? 1 : 0);
});
