"""What the dashboard and the analytics page show, from the numbers by day."""
