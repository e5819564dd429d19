//! Deliveries as operators look for them: what waits, and what is dead, by webhook and by lane; figures by their hour.

crate::dialect::migration!(
    "CREATE INDEX hub_deliveries_pending ON hub_deliveries (id) WHERE status = 'pending'

CREATE INDEX hub_deliveries_dead_webhook ON hub_deliveries (webhook, id) WHERE status = 'dead'

CREATE INDEX hub_deliveries_dead_lane ON hub_deliveries (lane) WHERE status = 'dead'

CREATE INDEX hub_delivery_figures_hour ON hub_delivery_figures (hour)"
);
